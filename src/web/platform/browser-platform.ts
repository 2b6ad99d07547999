import { ParleyError } from '../../protocol/errors.ts';
import { openDatabase } from './database.ts';
import { IndexedSpool } from './indexed-spool.ts';
import { IndexedStore } from './indexed-store.ts';
import { loadOpaqueInWorker } from './opaque-in-worker.ts';
import type { Platform } from '../../client/platform.ts';

/**
 * What the client engine needs of a browser.
 * @throws ParleyError `usage` where the page was not loaded over HTTPS or from this machine, `home_damaged`
 */
export async function browserPlatform(): Promise<Platform> {
  if (!isSecureContext || !('locks' in navigator)) {
    throw new ParleyError('usage', 'Browsers let a page keep keys only over HTTPS: open this address with https://.');
  }
  const database = await openDatabase();
  return {
    fetch: (url, init) => fetch(url, init),
    openSocket: (url) => new WebSocket(url),
    store: new IndexedStore(database),
    spool: new IndexedSpool(database),
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    nowMs: Date.now,
    pause,
    chance: Math.random,
    loadOpaque: loadOpaqueInWorker,
  };
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    if (signal?.aborted === true) end();
  });
}
