import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { Trouble } from "./Trouble";

/** Asks before what cannot be taken back. */
export function Confirm(props: {
  opened: boolean; title: string; children: ReactNode; verb: string; danger?: boolean; busy: boolean; error?: unknown;
  onYes: () => void; onNo: () => void;
}) {
  return (
    <Modal opened={props.opened} onClose={props.onNo} title={props.title} centered lockScroll={false} closeButtonProps={{ "aria-label": "Close" }}>
      <p className="modal-text">{props.children}</p>
      <Trouble error={props.error} />
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={props.onNo}>Leave it as it is</Button>
        <Button color={props.danger ? "red" : "indigo"} loading={props.busy} onClick={props.onYes}>{props.verb}</Button>
      </Group>
    </Modal>
  );
}
