import { deploymentScopes, type Scope } from "../model/scope.js";

/** The party that makes a change. */
export interface Actor {
  /** The client id, or `operator` for the command line. */
  readonly name: string;
  /** Only the command line grants the scopes that reach every app. */
  readonly isOperator: boolean;
  readonly scopes: ReadonlySet<Scope>;
}

/** The command line on the host. */
export const operator: Actor = { name: "operator", isOperator: true, scopes: new Set(deploymentScopes) };
