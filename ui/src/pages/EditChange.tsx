import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { type Tagged, call, tagged } from "../api";
import { type Change, V1, databasesQuery } from "../changes";
import { ChangeForm, type Wanted } from "../parts/ChangeForm";
import { Page } from "../parts/Page";
import { Loaded } from "../parts/Trouble";

export function EditChange() {
  const { id } = useParams({ from: "/signed-in/edit-change/$id" });
  // Not asked again while one types: what is saved is refused if somebody else has saved meanwhile.
  const query = useQuery({ queryKey: ["change to edit", id], queryFn: () => tagged<Change>(`${V1}/migrations/${id}`), gcTime: 0, staleTime: Infinity });
  return <Loaded query={query}>{(found) => <Edited found={found} />}</Loaded>;
}

function Edited(props: { found: Tagged<Change> }) {
  const { value: change, tag } = props.found;
  const id = change.migrationId;
  const databases = useQuery(databasesQuery);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const save = useMutation({
    mutationFn: (wanted: Wanted) => call("PUT", `${V1}/migrations/${id}`, wanted, { "if-match": tag }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["change", id] });
      await navigate({ to: "/changes/$id", params: { id } });
    },
  });
  const target = databases.data?.databases.find((one) => one.name === change.targetDatabase);
  const given = change.approvalsGiven > 0 || change.status === "Approved" ? " Approvals given so far were for another text, and end." : "";
  return (
    <Page name={`Edit ${change.name}`} title={`Edit ${change.name}`} lead={`Once saved it is a draft, to be rehearsed and submitted again.${given}`}>
      {databases.data && (
        <ChangeForm
          start={{ name: change.name, description: change.description, targetDatabaseId: target?.databaseId ?? null, migrationScript: change.migrationScript, rollbackScript: change.rollbackScript, strategy: change.strategy }}
          onSave={save.mutate} saving={save.isPending} error={save.error} verb="Save"
          leave={<Button component={Link} to={`/changes/${id}`} variant="default">Leave</Button>}
        />
      )}
    </Page>
  );
}
