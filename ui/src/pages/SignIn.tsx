import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { post, token } from "../api";
import { Trouble } from "../parts/Trouble";
import mark from "../mark.svg";

export function SignIn() {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const signIn = useMutation({
    mutationFn: () => post<{ token: string }>("/api/sign-in", { username, password }),
    onSuccess: async (answer) => {
      token.set(answer.token);
      queries.clear();
      await navigate({ to: "/" });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <img src={mark} alt="" width={40} height={40} />
        <h1>Sign in to Wayfare</h1>
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
        <p className="quiet">No account yet? An administrator makes one with <code>wayfare users add</code>.</p>
      </form>
    </main>
  );
}
