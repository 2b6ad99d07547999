import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for a promise, but not for ever: a bench that hangs says nothing, one that ends says what it lacked.
 *
 * @param lacking told when the time is over: what is missing, and where
 * @throws Error with what `lacking` says
 */
export async function within<T>(ms: number, promise: Promise<T>, lacking: () => string): Promise<T> {
  const over = new AbortController();
  const late = delay(ms, undefined, { signal: over.signal }).then(
    () => {
      throw new Error(`Not within ${ms / 1_000} s: ${lacking()}`);
    },
    // The promise came first.
    () => promise,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}
