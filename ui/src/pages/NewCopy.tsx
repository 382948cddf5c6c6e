import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { type CopyWish, type Plan, type Run, post } from "../api";
import { CopyFields, EMPTY_WISH, sent } from "../parts/CopyFields";
import { Page } from "../parts/Page";
import { PlanView } from "../parts/PlanView";
import { Trouble } from "../parts/Trouble";

// Whoever clicks twice starts one run. Pages that came over plain http have no randomUUID.
const newKey = () => crypto.randomUUID?.() ?? String(Math.random());

/** First the plan is shown, then it is carried out. */
export function NewCopy() {
  const { source } = useSearch({ from: "/signed-in/copy" });
  const [wish, setWish] = useState<CopyWish>({ ...EMPTY_WISH, source: source ?? "" });
  const key = useRef(newKey());
  const navigate = useNavigate();
  const plan = useMutation({ mutationFn: () => post<{ plan: Plan }>("/api/runs", { ...sent(wish), dry_run: true }) });
  const start = useMutation({
    mutationFn: () => post<{ run: Run }>("/api/runs", sent(wish), { "idempotency-key": key.current }),
    onSuccess: ({ run }) => navigate({ to: "/runs/$id", params: { id: run.id } }),
  });
  const change = (changed: CopyWish) => {
    setWish(changed);
    plan.reset();
    start.reset();
    key.current = newKey();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    plan.mutate();
  };
  const ready = Boolean(wish.source.trim() && wish.target.trim());
  const found = plan.data?.plan;
  return (
    <Page name="Start a copy" title="Start a copy" lead="Nothing is changed before you have seen the plan.">
      <form onSubmit={submit} className="copy-form">
        <CopyFields wish={wish} onChange={change} />
        <Trouble error={plan.error} />
        <div className="form-end">
          <Button type="submit" disabled={!ready} loading={plan.isPending} variant={found ? "default" : "filled"}>
            {found ? "Plan again" : "Show the plan"}
          </Button>
          {plan.isPending && <span className="quiet">Both ends are asked, and values at risk are looked for…</span>}
        </div>
      </form>
      {found && (
        <PlanView plan={found}>
          <Trouble error={start.error} />
          <Button disabled={found.blocked} loading={start.isPending} onClick={() => start.mutate()}>Start the copy</Button>
          {found.blocked && <span className="quiet">It would be refused: see the errors above.</span>}
        </PlanView>
      )}
    </Page>
  );
}
