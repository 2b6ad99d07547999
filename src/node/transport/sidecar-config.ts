import type { NodeName } from '../../protocol/ids.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { nodeNkey } from './node-nkey.ts';
import { Subjects } from './subjects.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface SidecarConfigOptions {
  readonly node: NodeName;
  readonly secret: Uint8Array;
  /** Where this node's own client connects. */
  readonly client: HostPort;
  /** Where the servers of the peers connect. */
  readonly route: HostPort;
  /** What servers tell each other about where to find this one; otherwise where it was heard from. */
  readonly advertise?: HostPort | undefined;
  /** Route addresses of the peers; the own one among them does no harm. */
  readonly peers: readonly HostPort[];
}

export const MAX_PAYLOAD_BYTES = 1024 * 1024;
const ACCOUNT = 'PARLEY';
const SYSTEM_ACCOUNT = 'SYS';
const ROUTE_USER = 'route';

/**
 * Configuration of a node's own nats-server. One user exists: this node's; the other nodes come in over the routes.
 * Dead connections are found after seconds instead of the minutes of the defaults, which would let a healed
 * partition deliver a burst of old messages. The account sees its own disconnect events, and nothing else of the
 * system account.
 */
export function sidecarConfig(options: SidecarConfigOptions): string {
  const { node, secret, client, route, advertise, peers } = options;
  const keys = new ClusterKeys(secret);
  const subjects = new Subjects(keys.tagHex);
  const { publish, subscribe } = subjects.permissions(node);
  const disconnects = `$SYS.ACCOUNT.${ACCOUNT}.DISCONNECT`;
  const password = keys.routePassword();
  const routes = peers.map((peer) => `nats-route://${ROUTE_USER}:${password}@${formatHostPort(peer)}`);
  return `# Written by chatd at every start. Holds a password of the cluster: keep it private.
server_name: ${quote(node)}
listen: ${quote(formatHostPort(client))}
max_payload: ${MAX_PAYLOAD_BYTES}
max_connections: 16
max_subscriptions: 256
ping_interval: "1s"
ping_max: 2
write_deadline: "2s"
system_account: ${SYSTEM_ACCOUNT}
accounts {
  ${SYSTEM_ACCOUNT} {
    exports: [ { stream: ${quote(disconnects)}, accounts: [ ${ACCOUNT} ] } ]
  }
  ${ACCOUNT} {
    imports: [ { stream: { account: ${SYSTEM_ACCOUNT}, subject: ${quote(disconnects)} }, to: ${quote(subjects.disconnected)} } ]
    users: [ {
      nkey: ${quote(nodeNkey(keys, node).publicKey)}
      permissions: {
        publish: { allow: ${quoteAll(publish)} }
        subscribe: { allow: ${quoteAll(subscribe)} }
      }
    } ]
  }
}
cluster {
  name: ${quote(clusterName(keys))}
  listen: ${quote(formatHostPort(route))}
  no_advertise: true${advertise === undefined ? '' : `\n  advertise: ${quote(formatHostPort(advertise))}`}
  authorization { user: ${quote(ROUTE_USER)}, password: ${quote(password)}, timeout: 2 }
  routes: ${quoteAll(routes)}
}
`;
}

/** Name that all nats-servers of one cluster share; servers of another name refuse each other. */
export const clusterName = (keys: ClusterKeys): string => `parley-${keys.tagHex}`;

/** `host:port`, an IPv6 address in brackets. @throws ParleyError `usage` for what is neither name nor address */
export function formatHostPort({ host, port }: HostPort): string {
  if (!/^[A-Za-z0-9._:-]+$/.test(host)) throw new ParleyError('usage', `${host} is not a host name or address.`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new ParleyError('usage', `${port} is not a port.`);
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** nats-server reads double-quoted strings with JSON's escapes. */
const quote = (text: string): string => JSON.stringify(text);
const quoteAll = (texts: readonly string[]): string => `[ ${texts.map(quote).join(', ')} ]`;
