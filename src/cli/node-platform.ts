import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { nodeEd25519 } from '../crypto/node-ed25519.ts';
import { nodeFileCipher } from '../crypto/node-file-cipher.ts';
import { nodeRandom } from '../crypto/node-random.ts';
import { nodeX25519 } from '../crypto/node-x25519.ts';
import { loadOpaquePerson } from '../client/opaque.ts';
import type { Platform, Spool } from '../client/platform.ts';
import type { ClientStore } from '../client/store.ts';

/** Far more than a frame has; what is longer is no node's. */
const FRAME_BYTES_MAX = 1024 * 1024;

/** What the client engine needs of a machine with Node. */
export function nodePlatform(store: ClientStore, spool?: Spool): Platform {
  return {
    fetch: (url, init) => fetch(url, init),
    openSocket: (url) => new WebSocket(url, { perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX }),
    store,
    random: nodeRandom,
    nowMs: Date.now,
    pause: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
    chance: Math.random,
    loadOpaque: loadOpaquePerson,
    ed25519: nodeEd25519,
    x25519: nodeX25519,
    fileCipher: nodeFileCipher,
    ...(spool === undefined ? {} : { spool }),
  };
}
