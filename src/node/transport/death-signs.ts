import type { NodeName } from '../../protocol/ids.ts';
import type { ClusterKeys } from './cluster-keys.ts';
import type { DeathSign } from './death-watch.ts';
import type { NatsConnection } from './nats-connection.ts';
import { nodeNkey } from './node-nkey.ts';
import type { Subjects } from './subjects.ts';

const NO_RESPONDERS = 503;
const NOTHING = new Uint8Array(0);

export interface DeathSignsOptions {
  readonly self: NodeName;
  readonly keys: ClusterKeys;
  readonly subjects: Subjects;
  readonly nats: NatsConnection;
  /** Nodes that may come to be watched; deriving a key takes milliseconds that an election does not have. */
  readonly peers: readonly NodeName[];
  readonly sign: (node: NodeName, sign: DeathSign) => void;
}

/**
 * The two ways in which NATS says that a process is gone: a ping that nobody listens for comes back as *no
 * responders*, and the server of the dead process publishes that its connection closed.
 */
export class DeathSigns {
  readonly #options: DeathSignsOptions;
  /** NATS users by node, as disconnect events name them. */
  readonly #users = new Map<NodeName, string>();
  #watched: NodeName | null = null;

  constructor(options: DeathSignsOptions) {
    this.#options = options;
    const { nats, self, subjects } = options;
    for (const peer of options.peers) this.#userOf(peer);
    // Being subscribed is the whole answer.
    nats.subscribe(subjects.ping(self), () => undefined);
    nats.subscribe(subjects.absence(self, '*'), (_data, subject, status) => {
      if (status === NO_RESPONDERS && this.#watched !== null && subject === subjects.absence(self, this.#watched)) {
        options.sign(this.#watched, 'unanswered');
      }
    });
    nats.subscribe(subjects.disconnected, (data) => {
      const watched = this.#watched;
      if (watched !== null && userOfEvent(data) === this.#userOf(watched)) options.sign(watched, 'disconnected');
    });
  }

  watch(node: NodeName | null): void {
    this.#watched = node;
  }

  ping(node: NodeName): void {
    const { nats, self, subjects } = this.#options;
    nats.publish(subjects.ping(node), NOTHING, subjects.absence(self, node));
  }

  #userOf(node: NodeName): string {
    const known = this.#users.get(node);
    if (known !== undefined) return known;
    const user = nodeNkey(this.#options.keys, node).publicKey;
    this.#users.set(node, user);
    return user;
  }
}

/** The user in a server's `client_disconnect` advisory. */
function userOfEvent(data: Uint8Array): string | undefined {
  try {
    const event = JSON.parse(Buffer.from(data).toString('utf8')) as { client?: { user?: unknown } };
    return typeof event.client?.user === 'string' ? event.client.user : undefined;
  } catch {
    return undefined;
  }
}
