import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { back, get, post, token } from "../api";
import { Trouble } from "../parts/Trouble";
import mark from "../mark.svg";

const CODE = "#code=";

/** The page for it, and where one comes back to who has signed in elsewhere. */
export function SignIn() {
  const navigate = useNavigate();
  const onDone = async () => {
    const place = back.take();
    if (place) window.location.replace(place);
    else await navigate({ to: "/" });
  };
  return <main className="sign-in"><SignInForm title="Sign in to Wayfare" onDone={onDone} /></main>;
}

/** By password, or with the identity provider. `place` is where to come back to from there. */
export function SignInForm(props: { title: string; lead?: string; place?: string; onDone: () => unknown }) {
  const [code] = useState(codeHandedOver);
  const asked = useRef(false);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const queries = useQueryClient();
  const provider = useQuery({ queryKey: ["provider"], queryFn: () => get<{ name: string }>("/auth/oidc"), staleTime: Infinity, retry: false });
  const signIn = useMutation({
    mutationFn: (handed: string) =>
      handed ? post<Handed>("/auth/oidc/token", { code: handed }) : post<Handed>("/api/sign-in", { username, password }),
    onSuccess: async (answer) => {
      token.set(answer.token);
      queries.clear();
      await props.onDone();
    },
  });
  const { mutate } = signIn;
  useEffect(() => {
    if (code && !asked.current) mutate(code);
    asked.current = true;
  }, [code, mutate]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    mutate("");
  };
  if (code && (signIn.isIdle || signIn.isPending || signIn.isSuccess)) return <p className="quiet" role="status">Signing you in…</p>;
  return (
    <form onSubmit={submit}>
      <img src={mark} alt="" width={40} height={40} />
      <h1>{props.title}</h1>
      {props.lead && <p className="lead">{props.lead}</p>}
      <Trouble error={signIn.error} />
      <TextInput
        label="User name or e-mail address" autoComplete="username" data-autofocus autoFocus required
        value={username} onChange={(event) => setUsername(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password" autoComplete="current-password" required
        value={password} onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <Button type="submit" fullWidth loading={signIn.isPending}>Sign in</Button>
      {provider.data?.name && (
        <>
          <p className="or"><span>or</span></p>
          <Button component="a" href="/auth/oidc/start" variant="default" fullWidth onClick={() => back.set(props.place ?? "")}>
            Sign in with {provider.data.name}
          </Button>
        </>
      )}
      <p className="quiet">No account yet? An administrator makes one with <code>wayfare users add</code>.</p>
    </form>
  );
}

interface Handed { token: string }

/** What the server has put behind the #, which is removed from the address and from the browser's history. */
function codeHandedOver(): string {
  const { hash, pathname } = window.location;
  if (!hash.startsWith(CODE)) return "";
  window.history.replaceState(window.history.state, "", pathname);
  return hash.slice(CODE.length);
}
