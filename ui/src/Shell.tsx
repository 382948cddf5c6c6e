import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Navigate, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { type Me, Problem, get, token } from "./api";
import { Trouble } from "./parts/Trouble";
import mark from "./mark.svg";

const PLACES = [
  { to: "/runs", name: "Runs" },
  { to: "/copy", name: "Start a copy" },
  { to: "/changes", name: "Schema changes" },
  { to: "/databases", name: "Databases" },
  { to: "/connections", name: "Connections" },
  { to: "/schedules", name: "Schedules" },
  { to: "/audit", name: "Audit", needs: "admin" },
];

/** What surrounds every page: where one can go, and who one is. Who is not known is sent to sign in. */
export function Shell() {
  const me = useQuery({ queryKey: ["me"], queryFn: () => get<Me>("/api/me"), staleTime: Infinity });
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const before = useRef("/");
  useEffect(() => {
    if (before.current !== "/") main.current?.focus({ preventScroll: true }); // somebody went from one page to another
    before.current = path.replace(/^\/ui(?=\/|$)/, "") || "/";
    window.scrollTo(0, 0);
  }, [path]);
  if (me.error instanceof Problem && me.error.status === 401) return <Navigate to="/sign-in" />;
  if (me.error) return <main className="sign-in"><Trouble error={me.error} again={() => void me.refetch()} /></main>;
  if (!me.data) return null;
  const may = (scope?: string) => !scope || me.data.scopes.includes(scope);
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to the page</a>
      <header className="side">
        <Link to="/runs" className="brand"><img src={mark} alt="" width={26} height={26} />Wayfare</Link>
        <nav aria-label="Main">
          {PLACES.filter((place) => may(place.needs)).map((place) => (
            <Link key={place.to} to={place.to} activeProps={{ "aria-current": "page" }}>{place.name}</Link>
          ))}
        </nav>
        <Who me={me.data} />
      </header>
      <main id="main" ref={main} tabIndex={-1}><Outlet /></main>
    </div>
  );
}

function Who(props: { me: Me }) {
  const { me } = props;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const leave = async () => {
    token.clear();
    await navigate({ to: "/sign-in" });
    queries.clear();
  };
  return (
    <div className="who">
      {me.local ? (
        <span className="quiet">This machine, no sign-in</span>
      ) : (
        <>
          <span><strong>{me.name}</strong><br /><span className="quiet">{me.tenant}</span></span>
          <Button size="compact-sm" variant="default" onClick={() => void leave()}>Sign out</Button>
        </>
      )}
      <span className="quiet version">{me.version}</span>
    </div>
  );
}
