import { Link, Navigate, Outlet, createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { ChangePage } from "./pages/Change";
import { Changes } from "./pages/Changes";
import { Databases } from "./pages/Databases";
import { EditChange } from "./pages/EditChange";
import { NewChange } from "./pages/NewChange";
import { Audit } from "./pages/Audit";
import { ConnectionPage } from "./pages/Connection";
import { Connections } from "./pages/Connections";
import { Consent } from "./pages/Consent";
import { NewCopy } from "./pages/NewCopy";
import { RunPage } from "./pages/Run";
import { Runs } from "./pages/Runs";
import { Schedules } from "./pages/Schedules";
import { SignIn } from "./pages/SignIn";
import { Empty } from "./parts/Page";
import { Trouble } from "./parts/Trouble";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Outlet, notFoundComponent: Lost, errorComponent: ({ error }) => <main className="sign-in"><Trouble error={error} /></main> });
const signIn = createRoute({ getParentRoute: () => root, path: "/sign-in", component: SignIn });
const consent = createRoute({ getParentRoute: () => root, path: "/consent", component: Consent });
const inside = createRoute({ getParentRoute: () => root, id: "signed-in", component: Shell });

const routes = [
  createRoute({ getParentRoute: () => inside, path: "/", component: () => <Navigate to="/runs" replace /> }),
  createRoute({ getParentRoute: () => inside, path: "/runs", component: Runs }),
  createRoute({ getParentRoute: () => inside, path: "/runs/$id", component: RunPage }),
  createRoute({
    getParentRoute: () => inside,
    path: "/copy",
    component: NewCopy,
    validateSearch: (search: Record<string, unknown>): { source?: string } => (typeof search["source"] === "string" ? { source: search["source"] } : {}),
  }),
  createRoute({ getParentRoute: () => inside, path: "/connections", component: Connections }),
  createRoute({ getParentRoute: () => inside, path: "/connections/$name", component: ConnectionPage }),
  createRoute({ getParentRoute: () => inside, path: "/changes", component: Changes }),
  createRoute({ getParentRoute: () => inside, path: "/changes/$id", component: ChangePage }),
  createRoute({ getParentRoute: () => inside, path: "/edit-change/$id", component: EditChange }),
  createRoute({ getParentRoute: () => inside, path: "/new-change", component: NewChange }),
  createRoute({ getParentRoute: () => inside, path: "/databases", component: Databases }),
  createRoute({ getParentRoute: () => inside, path: "/schedules", component: Schedules }),
  createRoute({ getParentRoute: () => inside, path: "/audit", component: Audit }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([signIn, consent, inside.addChildren(routes)]),
  basepath: "/ui",
  defaultPreload: false,
});

function Lost() {
  return <main className="sign-in"><Empty title="There is no such page" action={<Link to="/runs">To the runs</Link>}>Its address may be mistyped.</Empty></main>;
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
