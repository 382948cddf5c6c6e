import { Checkbox, Input, NumberInput, SegmentedControl, TagsInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type CopyWish, type Description, type Mode, get, named } from "../api";
import { systemsQuery } from "./AddConnection";
import { EndField } from "./EndField";

export const EMPTY_WISH: CopyWish = {
  source: "", target: "", tables: [], exclude: [], mode: "replace", schema_only: false, data_only: false, keep_replaced: false,
  incremental: false, cursor: "", deletes: false, masks: [], allow_loss: [], rows_per_second: 0,
};

const MODES: Record<Mode, string> = {
  replace: "Tables of the same name are replaced, at once, when all is copied and verified.",
  append: "Rows are added to the tables that are there.",
  merge: "Rows with a key that is there replace those, others are added.",
};

export const sent = (wish: CopyWish): CopyWish => ({
  ...wish, source: wish.source.trim(), target: wish.target.trim(), ...(wish.incremental ? {} : { cursor: "", deletes: false }),
});

/** Everything that says what a copy is to do. */
export function CopyFields(props: { wish: CopyWish; onChange: (wish: CopyWish) => void }) {
  const { wish } = props;
  const set = (changed: Partial<CopyWish>) => props.onChange({ ...wish, ...changed });
  const systems = useQuery(systemsQuery).data?.systems ?? [];
  const sourceOnly = new Set(systems.filter((one) => one.source_only).map((one) => one.name));
  const known = useTables(wish.source);
  return (
    <>
      <div className="ends">
        <EndField label="Source" value={wish.source} onChange={(source) => set({ source })} />
        <span className="arrow" aria-hidden="true">→</span>
        <EndField label="Target" value={wish.target} onChange={(target) => set({ target })} sourceOnly={sourceOnly} />
      </div>
      <TagsInput
        label="Tables" description="Names or patterns, such as sales.*; none means all." placeholder={wish.tables.length ? "" : "All tables"}
        data={known} value={wish.tables} onChange={(tables) => set({ tables })} limit={100} clearable clearButtonProps={{ "aria-label": "Clear tables" }} acceptValueOnBlur
      />
      <Input.Wrapper label="Rows that are there" description={MODES[wish.mode]} labelElement="div">
        <SegmentedControl
          mt={6} data={[{ value: "replace", label: "Replace" }, { value: "append", label: "Append" }, { value: "merge", label: "Merge" }]}
          value={wish.mode} onChange={(mode) => set({ mode: mode as Mode })} aria-label="Rows that are there"
        />
      </Input.Wrapper>
      <details className="more">
        <summary>More choices</summary>
        <div className="more-fields">
          <TagsInput label="All but these tables" value={wish.exclude} onChange={(exclude) => set({ exclude })} data={known} limit={100} acceptValueOnBlur />
          <div className="checks">
            <Checkbox label="Tables without their rows" checked={wish.schema_only} disabled={wish.data_only} onChange={(e) => set({ schema_only: e.currentTarget.checked })} />
            <Checkbox label="Rows only, into tables that exist" checked={wish.data_only} disabled={wish.schema_only} onChange={(e) => set({ data_only: e.currentTarget.checked })} />
            <Checkbox label="Keep the replaced tables, so that it can be rolled back after its end" checked={wish.keep_replaced} onChange={(e) => set({ keep_replaced: e.currentTarget.checked })} />
            <Checkbox label="Only what is new since the last copy" checked={wish.incremental} onChange={(e) => set({ incremental: e.currentTarget.checked })} />
          </div>
          {wish.incremental && (
            <div className="checks">
              <TextInput label="Column that only grows" placeholder="updated_at" required value={wish.cursor} onChange={(e) => set({ cursor: e.currentTarget.value })} />
              <Checkbox label="Also remove rows that are gone from the source" checked={wish.deletes} onChange={(e) => set({ deletes: e.currentTarget.checked })} />
            </div>
          )}
          <TagsInput label="Masked columns" description="Such as customers.email=sha256." value={wish.masks} onChange={(masks) => set({ masks })} acceptValueOnBlur />
          <TagsInput label="Columns that may lose values" description="What does not fit becomes NULL, such as orders.total." value={wish.allow_loss} onChange={(allow_loss) => set({ allow_loss })} acceptValueOnBlur />
          <NumberInput label="Rows per second at most" description="0: as fast as it goes." min={0} max={2147483647} allowDecimal={false} hideControls value={wish.rows_per_second} onChange={(value) => set({ rows_per_second: Number(value) || 0 })} />
        </div>
      </details>
    </>
  );
}

function useTables(source: string): string[] {
  const name = source.startsWith("@") ? source.slice(1) : "";
  const query = useQuery({
    queryKey: ["tables", name],
    queryFn: () => get<Description>(`/api/connections/${named(name)}/tables`),
    enabled: name !== "",
    staleTime: 60_000,
    retry: false,
  });
  return [...new Set(query.data?.tables.map((table) => table.name) ?? [])];
}
