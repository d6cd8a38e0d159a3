import { join } from "node:path";
import { type DevelopmentClient, developmentClients } from "../apps/development-clients.js";
import { clientSecretHash, newClientSecret } from "../crypto/client-secret.js";
import { makeDirectory, makeFile, readFile } from "./dev-files.js";
import { CliError } from "./io.js";

/** The file with the credentials of development's clients, in the folder of development's secrets. */
export const devClientsFile = "clients.json";

/**
 * Returns the credentials of development's clients. They are in a file in `directory`, which one process of any number that
 * start at once creates. Throws `CliError` if the file is open to other users or not as it was made.
 */
export function readDevClients(directory: string): readonly DevelopmentClient[] {
  makeDirectory(directory);
  const path = join(directory, devClientsFile);
  makeFile(path, newFile());
  const text = readFile(path);
  try {
    const file = JSON.parse(text) as unknown;
    return Object.keys(developmentClients).map((clientId) => credentialsIn(file, clientId));
  } catch {
    // The error may hold a part of the file.
    throw new CliError(
      `${path} does not hold the credentials of ${Object.keys(developmentClients).join(" and ")}: restore it, or delete it and the two ` +
        "clients (`latchkey client delete`) to get new ones.",
    );
  }
}

function newFile(): string {
  const entries = Object.keys(developmentClients).map((clientId) => [
    clientId,
    { client_id: clientId, client_secret: newClientSecret().secret },
  ]);
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}

function credentialsIn(file: unknown, clientId: string): DevelopmentClient {
  const { client_id: id, client_secret: clientSecret } = (file as Record<string, { client_id: string; client_secret: string }>)[
    clientId
  ]!;
  if (id !== clientId || clientSecretHash(clientSecret) === null) throw new Error("not as it was made");
  return { clientId, clientSecret };
}
