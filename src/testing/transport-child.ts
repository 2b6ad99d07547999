import { pino } from 'pino';
import type { PeerId } from '../consensus/types.ts';
import { NatsTransport } from '../node/transport/nats-transport.ts';
import { RingKeys } from '../node/ring/ring-keys.ts';
import { systemClock } from '../node/system-clock.ts';
import type { NodeName } from '../protocol/ids.ts';
import { testIdentity } from './test-identity.ts';

/** A node's transport in a process of its own, for tests that kill it. It talks to everybody until then. */
export interface TransportChildConfig {
  readonly self: NodeName;
  readonly boot: number;
  readonly secretHex: string;
  readonly url: string;
  readonly peers: readonly NodeName[];
}

const TALK_EVERY_MS = 10;

const config = JSON.parse(process.argv[2] ?? '{}') as TransportChildConfig;
const transport = await NatsTransport.connect({
  ...config,
  identity: testIdentity(config.self),
  ring: new RingKeys(() => systemClock.monotonicMs()),
  secret: Buffer.from(config.secretHex, 'hex'),
  directory: {
    nameOf: (peer) => config.peers[peer - 1],
    peerOf: (name) => (config.peers.indexOf(name) + 1) as PeerId,
    identityOf: (name) => testIdentity(name).public,
  },
  clock: systemClock,
  logger: pino({ level: 'silent' }),
});
setInterval(() => {
  transport.broadcast('node-info', new Uint8Array([1]));
}, TALK_EVERY_MS);
