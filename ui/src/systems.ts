// What a form asks for, read from how the URLs of a system look: `postgresql://user:password@host:5432/database`.
import type { System } from "./api";

export interface Field { name: string; label: string; placeholder: string; secret: boolean; wide: boolean; required: boolean; told?: string }
export type Filled = Record<string, string>;

const SECRET = /secret|token|password/;
const OPTIONS: Field = {
  name: "options", label: "Options", placeholder: "name=value&…", secret: false, wide: true, required: false, told: "As in a URL. The documentation lists those of each system.",
};

export function fieldsOf(system: System): Field[] {
  const example = pattern(system);
  const field = (name: string, label: string, placeholder = "", more: Partial<Field> = {}): Field => ({
    name, label, placeholder, secret: SECRET.test(name), wide: false, required: false, ...more,
  });
  if (system.in_a_path && !example.host) {
    return [field("database", "File", `/var/data/${example.database}`, { wide: true, required: true, told: "A path on the machine of the server." }), OPTIONS];
  }
  return [
    field("host", "Host", example.host === "host" ? "db.example.org" : example.host, { required: !system.in_a_path }),
    ...(system.port ? [field("port", "Port", String(system.port))] : []),
    ...(example.user ? [field("user", "User"), field("password", "Password")] : []),
    ...(example.database ? [field("database", "Database", "", { wide: true })] : []),
    ...example.options.map((name) => field(name, words(name), "", { wide: true, required: true })),
    ...(example.options.length ? [] : [OPTIONS]),
  ];
}

export function urlOf(system: System, filled: Filled): string {
  const of = (name: string) => encodeURIComponent(filled[name] ?? "");
  const login = of("user") + (filled["password"] ? `:${of("password")}` : "");
  const host = (filled["host"] ?? "").trim();
  const place = (login ? `${login}@` : "") + (host.includes(":") ? `[${host}]` : encodeURIComponent(host)) + (filled["port"] ? `:${of("port")}` : "");
  const path = (filled["database"] ?? "").split("/").map(encodeURIComponent).join("/");
  const named = pattern(system).options.filter((name) => filled[name]).map((name) => `${name}=${of(name)}`);
  const query = [...named, ...(filled["options"] ? [filled["options"].replace(/^\?/, "")] : [])].join("&");
  return `${system.name}://${place}/${path}${query ? `?${query}` : ""}`;
}

function pattern(system: System) {
  const found = /^\w+:\/\/(?:([^:@/]*)(?::[^@]*)?@)?([^:/?]*)(?::\d+)?(?:\/([^?]*))?(?:\?(.*))?$/.exec(system.example.split(" or ")[0] ?? "");
  const options = (found?.[4] ?? "").split("&").map((part) => part.split("=")[0] ?? "").filter(Boolean);
  return { user: found?.[1] ?? "", host: found?.[2] ?? "", database: found?.[3] ?? "", options };
}

const words = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
