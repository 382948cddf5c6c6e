import { Group, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

/** A page's heading, what can be done there, and what it shows. */
export function Page(props: { title: ReactNode; name: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${props.name} – Wayfare`;
  }, [props.name]);
  return (
    <>
      <Group justify="space-between" align="flex-start" gap="md" className="page-head">
        <div className="page-title">
          <Title order={1} size="h2" tabIndex={-1}>{props.title}</Title>
          {props.lead && <div className="lead">{props.lead}</div>}
        </div>
        {props.actions && <Group gap="xs">{props.actions}</Group>}
      </Group>
      {props.children}
    </>
  );
}

/** A part of a page with a heading of its own. */
export function Section(props: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="section">
      <Group justify="space-between" gap="xs" className="section-head">
        <Title order={2} size="h5">{props.title}</Title>
        {props.aside}
      </Group>
      {props.children}
    </section>
  );
}

/** Nothing there yet: why, and what to do next. */
export function Empty(props: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <Title order={2} size="h4">{props.title}</Title>
      <p>{props.children}</p>
      {props.action}
    </div>
  );
}
