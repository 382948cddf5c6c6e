import { PasswordInput, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Connection, get } from "../api";

const URL_ITSELF = "url:";

export const connectionsQuery = {
  queryKey: ["connections"],
  queryFn: () => get<{ connections: Connection[] }>("/api/connections"),
};

/** One end of a copy: a saved connection (`@name`), or a URL, which may hold a password. */
export function EndField(props: { label: string; value: string; onChange: (value: string) => void; sourceOnly?: ReadonlySet<string> }) {
  const found = useQuery(connectionsQuery).data?.connections ?? [];
  const choices = found
    .filter((one) => !props.sourceOnly?.has(one.system))
    .map((one) => ({ value: `@${one.name}`, label: `${one.name} (${one.system})` }));
  const saved = props.value.startsWith("@");
  const given = !saved && props.value !== "";
  return (
    <div className="end">
      <Select
        label={props.label}
        placeholder="Choose a connection"
        data={[...choices, { value: URL_ITSELF, label: "A URL…" }]}
        value={saved ? props.value : given ? URL_ITSELF : null}
        onChange={(value) => props.onChange(value === URL_ITSELF ? " " : (value ?? ""))}
        allowDeselect={false}
        comboboxProps={{ withinPortal: true }}
      />
      {given && (
        <PasswordInput
          mt="xs"
          label={`${props.label} URL`}
          placeholder="postgresql://user:password@host/database"
          value={props.value.trimStart()}
          onChange={(event) => props.onChange(event.currentTarget.value || " ")}
          autoComplete="off"
        />
      )}
    </div>
  );
}
