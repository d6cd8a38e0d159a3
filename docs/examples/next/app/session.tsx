"use client";

import { createLatchkeyClient, errorDetails } from "latchkey-client";
import { useRouter } from "next/navigation";
import { useState } from "react";

const latchkey = createLatchkeyClient({ baseUrl: "/", session: "cookie" });

/** Runs a step of the form, then has the server render the page anew. Shows the reason of an error. */
function useStep() {
  const router = useRouter();
  const [trouble, setTrouble] = useState("");
  const step = (act: (form: FormData) => Promise<void>) => async (form: FormData) => {
    try {
      await act(form);
      setTrouble("");
      router.refresh();
    } catch (error) {
      setTrouble(`${errorDetails(error).reason ?? "NETWORK"}: ${String(error)}`);
    }
  };
  return { trouble, step };
}

export function SignIn() {
  const { trouble, step } = useStep();
  const [challengeId, setChallengeId] = useState("");
  const send = step(async (form) => {
    const identifier = { case: "email", value: String(form.get("email")) } as const;
    const { challenge } = await latchkey.auth.sendOtp({ identifier, createUserIfMissing: true });
    setChallengeId(challenge!.challengeId);
  });
  const verify = step(async (form) => {
    await latchkey.auth.verifyOtp({ challengeId, code: String(form.get("code")) });
  });
  return challengeId === "" ? (
    <form action={send}>
      <input name="email" type="email" placeholder="E-mail" required />
      <button type="submit">Send code</button>
      <p role="alert">{trouble}</p>
    </form>
  ) : (
    <form action={verify}>
      <input name="code" autoComplete="one-time-code" inputMode="numeric" placeholder="Code" required />
      <button type="submit">Sign in</button>
      <p role="alert">{trouble}</p>
    </form>
  );
}

export function SignOut() {
  const { trouble, step } = useStep();
  return (
    <form action={step(latchkey.signOut)}>
      <button type="submit">Sign out</button>
      <p role="alert">{trouble}</p>
    </form>
  );
}
