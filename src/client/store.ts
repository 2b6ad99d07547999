/** One view of the store that nobody else changes meanwhile. */
export interface StoreTransaction {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Rows whose key begins with the prefix, in key order. */
  list(prefix: string): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

/**
 * What a client keeps: text keys, opaque values. A transaction is exclusive among all programs that share the store,
 * and its changes become durable together or not at all; so it must be short, and never wait for the network.
 */
export interface ClientStore {
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
