/** Always on: a broken promise of the state machine ends the process instead of spreading. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`Invariant of the chat state broken: ${what}`);
}
