export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly say: (sentence: string) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  /** What became of the inputs: answers by status, sockets by how they were closed, frames by why they were dropped. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** What must not happen, with the input that brought it about. */
  readonly violations: readonly string[];
}
