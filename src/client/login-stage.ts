/** What is under way, for whoever draws it. `waiting`: too many attempts were made, by whomever. */
export type LoginStage =
  | { readonly stage: 'asking' | 'computing' | 'proving' | 'enrolling' | 'registering' }
  | { readonly stage: 'waiting'; readonly retryAfterMs: number };
