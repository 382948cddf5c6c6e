import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Problem, get, post, token } from "../api";
import { Trouble } from "../parts/Trouble";
import mark from "../mark.svg";
import { SignInForm } from "./SignIn";

interface Allowed { scope: string; allows: string }
interface Asked {
  client: string; registered_by: string; returns_to: string; person: string; tenant: string; scopes: Allowed[]; withheld: Allowed[];
}

/** A program asks to act for somebody. What it asks stands behind the #, as /auth/authorize has put it there. */
export function Consent() {
  const [place] = useState(() => window.location.pathname + window.location.hash);
  const [query] = useState(askedFor);
  const asked = useQuery({
    queryKey: ["consent", query],
    queryFn: () => get<Asked>(`/auth/consent?asked=${encodeURIComponent(query)}`),
    staleTime: Infinity,
    retry: false,
  });
  useEffect(() => {
    document.title = "Let a program in – Wayfare";
  }, []);
  if (asked.error instanceof Problem && asked.error.status === 401) {
    const lead = "A program wants to act for you. Sign in to see what it asks.";
    return <main className="sign-in"><SignInForm title="Sign in to Wayfare" lead={lead} place={place} onDone={() => asked.refetch()} /></main>;
  }
  return (
    <main className="sign-in">
      {asked.error && (
        <div className="consent">
          <h1>This program cannot be let in</h1>
          <Trouble error={asked.error} />
          {token.get() && <p className="quiet"><SomebodyElse /></p>}
        </div>
      )}
      {asked.data && <Question asked={asked.data} query={query} />}
    </main>
  );
}

function Question(props: { asked: Asked; query: string }) {
  const { asked, query } = props;
  const leave = useLeave();
  const decide = useMutation({
    mutationFn: (allow: boolean) => post<{ redirect: string }>("/auth/authorize", { asked: query, allow }),
    onSuccess: (answer) => window.location.assign(answer.redirect),
    onError: (error) => {
      if (error instanceof Problem && error.status === 401) leave(); // the sign-in has ended meanwhile
    },
  });
  const going = decide.isPending || decide.isSuccess;
  return (
    <div className="consent">
      <img src={mark} alt="" width={40} height={40} />
      <h1>Let {asked.client} act for you?</h1>
      <p className="quiet">
        You are <strong>{asked.person}</strong> in the tenant <strong>{asked.tenant}</strong>.{" "}
        <SomebodyElse />
      </p>
      <section>
        <h2>{asked.scopes.length ? "It will be able to" : "You have nothing of what it asks for"}</h2>
        <ul className="allows">
          {asked.scopes.map((one) => <li key={one.scope}>{one.allows}</li>)}
          {asked.withheld.map((one) => <li key={one.scope} className="withheld"><span>{one.allows} <em>(not yours to give)</em></span></li>)}
        </ul>
      </section>
      <p className="quiet">
        Registered here by {asked.registered_by || "nobody who is still here"}. You will be sent to <strong>{asked.returns_to}</strong>. It
        ends after 180 days, or when you change your password.
      </p>
      <Trouble error={decide.error} />
      <div className="decision">
        <Button variant="default" disabled={going} onClick={() => decide.mutate(false)}>No</Button>
        <Button disabled={going || !asked.scopes.length} loading={going && decide.variables} onClick={() => decide.mutate(true)}>Allow</Button>
      </div>
    </div>
  );
}

function SomebodyElse() {
  return <button type="button" className="plain" onClick={useLeave()}>Somebody else?</button>;
}

/** Sign out, and ask again for whoever signs in then. */
function useLeave() {
  const queries = useQueryClient();
  return () => {
    token.clear();
    void queries.resetQueries({ queryKey: ["consent"] });
  };
}

/** The query that the program has sent, in base64url. */
function askedFor(): string {
  try {
    return atob(window.location.hash.slice(1).replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}
