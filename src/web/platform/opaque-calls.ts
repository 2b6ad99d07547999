import type { OpaquePerson } from '../../client/opaque.ts';

/** What the page asks its worker for. */
export interface OpaqueCall {
  readonly id: number;
  readonly method: keyof OpaquePerson;
  readonly args: readonly unknown[];
}

/** What the worker answers: a result, or why there is none. */
export type OpaqueAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: string };
