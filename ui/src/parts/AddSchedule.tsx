import { Autocomplete, Button, Group, Modal, SegmentedControl, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type CopyWish, type Due, type Schedule, post } from "../api";
import { CopyFields, EMPTY_WISH, sent } from "./CopyFields";
import { Times } from "./Times";
import { Trouble } from "./Trouble";

const MISSED = [
  { value: "run_once", label: "Start once for all that were missed" },
  { value: "skip", label: "Skip them" },
  { value: "run_all", label: "Start each, one after the other" },
];
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function AddSchedule(props: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title="Add a schedule" size="xl" lockScroll={false} closeButtonProps={{ "aria-label": "Close" }}>
      {props.opened && <Form onDone={props.onClose} />}
    </Modal>
  );
}

function Form(props: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [often, setOften] = useState("cron");
  const [cron, setCron] = useState("0 2 * * *");
  const [at, setAt] = useState("");
  const [zone, setZone] = useState(HERE);
  const [missed, setMissed] = useState("run_once");
  const [wish, setWish] = useState<CopyWish>(EMPTY_WISH);
  const queries = useQueryClient();
  const when = often === "cron" ? { cron: cron.trim(), zone } : { at, zone };
  const save = useMutation({
    mutationFn: () => post<Schedule>("/api/schedules", { name, missed, ...when, copy: sent(wish) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["schedules"] });
      props.onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput label="Name" placeholder="nightly-shop" required maxLength={64} data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <SegmentedControl
          data={[{ value: "cron", label: "Again and again" }, { value: "at", label: "Once" }]} value={often} onChange={setOften} aria-label="How often"
        />
        <div className="fields">
          {often === "cron" ? (
            <TextInput label="Cron expression" description="Minute, hour, day, month, weekday; or @hourly, @daily …" required value={cron} onChange={(event) => setCron(event.currentTarget.value)} />
          ) : (
            <TextInput label="Time" description="On the clocks of the zone." type="datetime-local" required value={at} onChange={(event) => setAt(event.currentTarget.value)} />
          )}
          <Autocomplete label="Time zone" description="An IANA name." required data={ZONES} limit={50} value={zone} onChange={setZone} />
        </div>
        <LookAhead when={when} />
        {often === "cron" && <Select label="Times that pass while nobody is there to start them" data={MISSED} value={missed} onChange={(value) => setMissed(value ?? "run_once")} allowDeselect={false} />}
        <CopyFields wish={wish} onChange={setWish} />
        <Trouble error={save.error} />
        <Group justify="flex-end">
          <Button type="submit" loading={save.isPending} disabled={!wish.source.trim() || !wish.target.trim()}>Save</Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The next times, while one still writes. */
function LookAhead(props: { when: { cron?: string; at?: string; zone: string } }) {
  const given = Boolean(props.when.cron || props.when.at);
  const query = useQuery({
    queryKey: ["times", props.when],
    queryFn: () => post<{ next_times: Due[] }>("/api/schedules/-/times", props.when),
    enabled: given,
    retry: false,
    placeholderData: (before) => before,
  });
  if (!given) return null;
  if (query.error) return <Trouble error={query.error} />;
  return (
    <div className="look-ahead">
      <div className="quiet">Next times</div>
      <Times times={query.data?.next_times ?? []} none={query.isPending ? "…" : "That time has passed."} />
    </div>
  );
}
