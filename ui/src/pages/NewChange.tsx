import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { post } from "../api";
import { V1 } from "../changes";
import { ChangeForm, NOTHING, type Wanted } from "../parts/ChangeForm";
import { Page } from "../parts/Page";

export function NewChange() {
  const navigate = useNavigate();
  const save = useMutation({
    mutationFn: (wanted: Wanted) => post<{ migrationId: string }>(`${V1}/migrations`, wanted),
    onSuccess: (made) => navigate({ to: "/changes/$id", params: { id: made.migrationId } }),
  });
  return (
    <Page name="New change" title="New change" lead="Write what is to change. What could hurt is told while you type; nothing is opened before you ask for it.">
      <ChangeForm
        start={NOTHING} onSave={save.mutate} saving={save.isPending} error={save.error} verb="Save the draft"
        leave={<Button component={Link} to="/changes" variant="default">Leave</Button>}
      />
    </Page>
  );
}
