"use client";

import { createLatchkeyClient, errorDetails } from "latchkey-client";
import { useRouter } from "next/navigation";
import { type ReactNode, useState } from "react";

const latchkey = createLatchkeyClient({ baseUrl: "/", session: "cookie" });

/** A form that shows the reason if its action fails. */
function Form({ act, children }: { readonly act: (form: FormData) => Promise<void>; readonly children: ReactNode }) {
  const [trouble, setTrouble] = useState("");
  const action = async (form: FormData) => {
    setTrouble("");
    await act(form).catch((error) => setTrouble(`${errorDetails(error).reason ?? "NETWORK"}: ${error.message}`));
  };
  return (
    <form action={action}>
      {children}
      <p role="alert">{trouble}</p>
    </form>
  );
}

export function SignIn() {
  const router = useRouter();
  const [challengeId, setChallengeId] = useState("");
  const send = async (form: FormData) => {
    const identifier = { case: "email", value: String(form.get("email")) } as const;
    const { challenge } = await latchkey.auth.sendOtp({ identifier, createUserIfMissing: true });
    setChallengeId(challenge!.challengeId);
  };
  const verify = async (form: FormData) => {
    await latchkey.auth.verifyOtp({ challengeId, code: String(form.get("code")) });
    router.refresh(); // the server renders the page again, now for the user
  };
  return challengeId === "" ? (
    <Form key="send" act={send}>
      <input name="email" type="email" placeholder="E-mail" required />
      <button type="submit">Send code</button>
    </Form>
  ) : (
    <Form key="verify" act={verify}>
      <input name="code" autoComplete="one-time-code" inputMode="numeric" placeholder="Code" required />
      <button type="submit">Sign in</button>
    </Form>
  );
}

export function SignOut() {
  const router = useRouter();
  const signOut = async () => {
    await latchkey.signOut();
    router.refresh();
  };
  return (
    <Form act={signOut}>
      <button type="submit">Sign out</button>
    </Form>
  );
}
