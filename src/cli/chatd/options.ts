/**
 * The one table of what can be set on `chatd`: flags, environment variables (`CHATD_<NAME>`), keys of the TOML file
 * and the help text all come from it. A flag wins over the environment, that over the file, that over the default.
 */
export interface OptionRow {
  /** As on the command line and in the file, without dashes in front. */
  readonly name: string;
  /** Placeholder of the value in the help; absent for a switch. */
  readonly value?: string;
  readonly help: string;
  readonly default?: string;
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  /** A secret: command lines and settings are read by others. */
  readonly environmentOnly?: boolean;
}

export const CHATD_OPTIONS = [
  { name: 'id', value: 'NAME', help: 'name of this node; one of those in --peers' },
  {
    name: 'peers',
    value: 'LIST',
    help: 'all nodes that found the cluster, with their NATS route addresses: n1=HOST:PORT,n2=HOST:PORT,…',
  },
  { name: 'api', value: 'HOST:PORT', help: 'where HTTP and WebSocket are served', default: '127.0.0.1:8081' },
  { name: 'nats-port', value: 'PORT', help: 'loopback port for the node’s own nats-server', default: '8181' },
  { name: 'data', value: 'DIR', help: 'data directory of this node' },
  { name: 'cluster-secret-file', value: 'FILE', help: 'file with the secret that all nodes share (32 bytes as hex)' },
  {
    name: 'wrapping-key-file',
    value: 'FILE',
    help: 'file with the key under which --data is sealed (32 bytes as hex); by default one is made beside --data',
  },
  {
    name: 'wrapping-key-command',
    value: 'COMMAND',
    help: 'shell command that prints this key instead: asks a key service',
  },
  { name: 'wrapping-key', value: 'HEX', help: 'this key itself', environmentOnly: true },
  {
    name: 'route-advertise',
    value: 'HOST:PORT',
    help: 'what the nats-servers of other nodes tell each other about where to find that of this one',
  },
  { name: 'nats', value: 'URL', help: 'use this NATS server instead of starting one' },
  { name: 'advertise', value: 'URL', help: 'URL under which clients reach this node (default: from --api)' },
  { name: 'tls-cert', value: 'FILE', help: 'certificate chain for HTTPS (PEM)' },
  { name: 'tls-key', value: 'FILE', help: 'private key for HTTPS (PEM)' },
  { name: 'insecure-http', help: 'permit plain HTTP on an address that is not loopback' },
  { name: 'origin', value: 'URL', help: 'further web origin that may use the API; may be repeated', repeatable: true },
  { name: 'trusted-proxies', value: 'LIST', help: 'addresses of proxies whose X-Forwarded-For counts (default: none)' },
  {
    name: 'registration',
    value: 'POLICY',
    help: 'who may register',
    default: 'invite',
    choices: ['open', 'invite', 'closed'],
  },
  {
    name: 'reads',
    value: 'HOW',
    help:
      'how linearizable reads are confirmed: quorum asks a majority each time, lease trusts the leader’s clock and ' +
      'turns failover by hints off; the same on all nodes',
    default: 'quorum',
    choices: ['quorum', 'lease'],
  },
  {
    name: 'disk-reserve',
    value: 'MIB',
    help: 'take nothing new when less is free for --data; a tenth of a disk that is smaller than ten times that',
    default: '256',
  },
  {
    name: 'scrub-hours',
    value: 'HOURS',
    help: 'within how many hours all data on disk is read once in search of damage; 0: never',
    default: '24',
  },
  {
    name: 'log-hours',
    value: 'HOURS',
    help: 'how old what stands in the log may be; what was deleted has left its files soon after, within a day for all up to 22',
    default: '12',
  },
  {
    name: 'key-rotation-minutes',
    value: 'MINUTES',
    help: 'how often the nodes go over to another key among themselves; 0.1 for six seconds',
    default: '60',
  },
  { name: 'limits', value: 'FILE', help: 'JSON file with rate limits that differ from the defaults' },
  {
    name: 'log-level',
    value: 'LEVEL',
    help: 'what to log, as JSON lines on standard error',
    default: 'info',
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
  },
  { name: 'config', value: 'FILE', help: 'TOML file with any of these options' },
] as const satisfies readonly OptionRow[];

export type ChatdOptionName = (typeof CHATD_OPTIONS)[number]['name'];

export function environmentName(option: string): string {
  return `CHATD_${option.replaceAll('-', '_').toUpperCase()}`;
}
