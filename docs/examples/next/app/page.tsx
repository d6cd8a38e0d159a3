// A page that the server renders for the signed-in user. To run it: npm install next react react-dom and latchkey-client, then npx next dev
// In production the client must list the app's origin: latchkey client update default-web --origins https://shop.example.com
import { createLatchkeyClient } from "latchkey-client";
import { cookies } from "next/headers";
import { SignIn, SignOut } from "./session";

const latchkey = createLatchkeyClient({ baseUrl: process.env.LATCHKEY_URL ?? "http://localhost:8080", session: "cookie" });

export default async function Page() {
  const session = (await cookies()).get("__Host-latchkey");
  const cookie = `__Host-latchkey=${session?.value}`;
  const user = session === undefined ? null : await latchkey.currentUser({ headers: { cookie } });
  if (user === null) return <SignIn />;
  return (
    <main>
      <p>Signed in as {user.contacts[0]?.value}</p>
      <SignOut />
    </main>
  );
}
