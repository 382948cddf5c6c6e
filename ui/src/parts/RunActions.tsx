import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Run, type Status, named, post } from "../api";
import { Confirm } from "./Confirm";
import { Trouble } from "./Trouble";

type Wish = "pause" | "resume" | "cancel" | "rollback";

// What may be asked in which status, as the server has it.
const POSSIBLE: Record<Wish, Status[]> = {
  pause: ["queued", "running"],
  resume: ["waiting", "failed", "cancelled"],
  cancel: ["queued", "waiting", "running"],
  rollback: ["queued", "running", "waiting", "succeeded", "failed", "cancelled"],
};
const WORDS: Record<Wish, { verb: string; yes: string; title: string; told: string }> = {
  pause: { verb: "Pause", yes: "", title: "", told: "" },
  resume: { verb: "Resume", yes: "", title: "", told: "" },
  cancel: { verb: "Cancel", yes: "Cancel it", title: "Cancel this run?", told: "It stops after the chunks it is at. What it has copied so far stays beside the target's tables, so that it can be resumed." },
  rollback: { verb: "Roll back", yes: "Roll it back", title: "Roll this run back?", told: "The target is made as it was before the run: what was copied is removed, and what was replaced is put back." },
};

export function RunActions(props: { run: Run; onAsked: () => void }) {
  const { run } = props;
  const [asking, setAsking] = useState<Wish | null>(null);
  const ask = useMutation({
    mutationFn: (wish: Wish) => post<Run>(`/api/runs/${named(run.id)}/${wish}`),
    onSuccess: () => {
      setAsking(null);
      props.onAsked();
    },
  });
  const may = (wish: Wish) => POSSIBLE[wish].includes(run.status) && !run.asked && (wish !== "rollback" || run.status !== "succeeded" || run.request.keep_replaced === true);
  const click = (wish: Wish) => {
    ask.reset();
    if (WORDS[wish].told) setAsking(wish);
    else ask.mutate(wish);
  };
  return (
    <>
      {(["pause", "resume", "cancel", "rollback"] as const).filter(may).map((wish) => (
        <Button
          key={wish} variant={wish === "resume" ? "filled" : "default"} className={wish === "rollback" ? "danger" : ""}
          loading={ask.isPending && ask.variables === wish} onClick={() => click(wish)}
        >
          {WORDS[wish].verb}
        </Button>
      ))}
      {!asking && <Trouble error={ask.error} />}
      <Confirm
        opened={asking !== null} title={asking ? WORDS[asking].title : ""} verb={asking ? WORDS[asking].yes : ""} danger
        busy={ask.isPending} error={ask.error} onNo={() => setAsking(null)} onYes={() => asking && ask.mutate(asking)}
      >
        {asking && WORDS[asking].told}
      </Confirm>
    </>
  );
}
