/** Fresh, unpredictable bytes. Injected, so that pure code stays pure and tests can replay a seed. */
export type RandomBytes = (length: number) => Uint8Array;
