/**
 * The state of the chat as rows: short text keys, opaque values. `apply()` reads and writes through `StateView`,
 * synchronously; questions of clients are answered through `StateReader`.
 */
export interface StateView {
  get(key: string): Uint8Array | undefined;
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

export interface RangeQuery {
  /** Inclusive lower bound. */
  readonly gte: string;
  /** Exclusive upper bound. */
  readonly lt: string;
  readonly limit: number;
  /** Descending when true. */
  readonly reverse?: boolean;
}

export interface StateReader {
  /** Index of the last log entry that these rows contain. */
  readonly appliedIndex: number;
  get(key: string): Uint8Array | undefined;
  /** A consistent read at one applied index, at most `limit` rows. */
  range(query: RangeQuery): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
}
