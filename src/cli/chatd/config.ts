import { readFileSync } from 'node:fs';
import { parse as parseToml } from 'smol-toml';
import { CHATD_OPTIONS, environmentName } from './options.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { isNodeName } from '../../protocol/ids.ts';
import type { ChatdOptionName, OptionRow } from './options.ts';
import type { WrappingKeySource } from '../../node/at-rest/wrapping-key-source.ts';
import type { NodeName } from '../../protocol/ids.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Everything `chatd` was told, checked. */
export interface ChatdConfig {
  readonly name: NodeName;
  /** Route addresses of all founding peers, this node's own among them. */
  readonly peers: ReadonlyMap<NodeName, HostPort>;
  readonly api: HostPort;
  readonly advertiseUrl: string;
  readonly natsPort: number;
  readonly natsUrl: string | null;
  readonly routeAdvertise: HostPort | undefined;
  readonly dataDir: string;
  readonly clusterSecretFile: string;
  readonly wrappingKey: WrappingKeySource;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
  /** 0: never. */
  readonly scrubHours: number;
  readonly logHours: number;
  readonly keyRotationMinutes: number;
  readonly registration: 'open' | 'invite' | 'closed';
  readonly reads: 'quorum' | 'lease';
  readonly diskReserveBytes: number;
  readonly limitsFile: string | null;
  readonly logLevel: string;
}

type WrappingKeyOption = Extract<ChatdOptionName, `wrapping-key${string}`>;

type Raw = Partial<Record<ChatdOptionName, string | string[] | boolean>>;

const usage = (detail: string): ParleyError => new ParleyError('usage', detail);

/**
 * Merges flags, environment and file, then checks all of it.
 * @param flags values by option name, only those that were given
 * @throws ParleyError `usage` with one sentence
 */
export function readChatdConfig(flags: Raw, env: Readonly<Record<string, string | undefined>>): ChatdConfig {
  const fromEnv = environmentValues(env);
  const file = (flags.config ?? fromEnv.config) as string | undefined;
  const merged: Raw = { ...defaults(), ...(file === undefined ? {} : fileValues(file)), ...fromEnv, ...flags };
  const text = (name: ChatdOptionName): string | null => {
    const value = merged[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const need = (name: ChatdOptionName): string => {
    const value = text(name);
    if (value === null) throw usage(`--${name} is missing; see chatd --help.`);
    return value;
  };

  const name = need('id');
  if (!isNodeName(name)) throw usage(`--id ${name} is no node name: a letter, then letters, digits or dashes.`);
  const peers = parsePeers(need('peers'));
  if (!peers.has(name)) throw usage(`--peers does not list this node (--id ${name}).`);
  const api = parseHostPort(need('api'), '--api');
  const advertised = text('route-advertise');
  const tls = tlsFiles(text('tls-cert'), text('tls-key'));
  if (tls === null && !isLoopback(api.host) && merged['insecure-http'] !== true) {
    throw usage(
      `--api ${api.host} is not loopback: give --tls-cert and --tls-key, or --insecure-http if a proxy in front speaks TLS.`,
    );
  }
  return {
    name,
    peers,
    api,
    tls,
    advertiseUrl: parseUrl(text('advertise') ?? `${tls === null ? 'http' : 'https'}://${need('api')}`, '--advertise'),
    natsPort: parsePort(need('nats-port'), '--nats-port'),
    natsUrl: text('nats'),
    routeAdvertise: advertised === null ? undefined : parseHostPort(advertised, '--route-advertise'),
    dataDir: need('data'),
    clusterSecretFile: need('cluster-secret-file'),
    wrappingKey: wrappingKeySource(text),
    origins: listOf(merged.origin).map((origin) => parseUrl(origin, '--origin')),
    trustedProxies: listOf(merged['trusted-proxies']),
    scrubHours: parseHours(need('scrub-hours'), '--scrub-hours'),
    logHours: parseLogHours(need('log-hours'), '--log-hours'),
    keyRotationMinutes: parseRotationMinutes(need('key-rotation-minutes')),
    registration: need('registration') as ChatdConfig['registration'],
    reads: need('reads') as ChatdConfig['reads'],
    diskReserveBytes: parseMebibytes(need('disk-reserve'), '--disk-reserve'),
    limitsFile: text('limits'),
    logLevel: need('log-level'),
  };
}

function defaults(): Raw {
  const rows: readonly OptionRow[] = CHATD_OPTIONS;
  return Object.fromEntries(rows.flatMap((row) => (row.default === undefined ? [] : [[row.name, row.default]])));
}

function environmentValues(env: Readonly<Record<string, string | undefined>>): Raw {
  const values: Raw = {};
  for (const row of CHATD_OPTIONS) {
    const value = env[environmentName(row.name)];
    if (value !== undefined && value !== '') values[row.name] = checked(row, value, environmentName(row.name));
  }
  return values;
}

function fileValues(file: string): Raw {
  let table: Record<string, unknown>;
  try {
    table = parseToml(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new ParleyError('usage', `The configuration file ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  const values: Raw = {};
  for (const [name, value] of Object.entries(table)) {
    const rows: readonly OptionRow[] = CHATD_OPTIONS;
    const row = rows.find((candidate) => candidate.name === name);
    if (row?.environmentOnly === true) throw usage(`${file}: ${name} is taken from ${environmentName(name)} only.`);
    if (row === undefined || name === 'config') throw usage(`${file}: there is no option ${name}.`);
    values[name as ChatdOptionName] = checked(row, value, `${file}: ${name}`);
  }
  return values;
}

/** @throws ParleyError `usage` when the value does not have the option's form */
function checked(row: OptionRow, value: unknown, where: string): string | string[] | boolean {
  if (row.value === undefined) {
    if (value === true || value === 'true' || value === '1') return true;
    if (value === false || value === 'false' || value === '0') return false;
    throw usage(`${where} is a switch: true or false.`);
  }
  if (row.repeatable === true && Array.isArray(value)) return value.map(String);
  if (typeof value !== 'string' && typeof value !== 'number') throw usage(`${where} must be a text.`);
  if (row.choices !== undefined && !row.choices.includes(String(value))) {
    throw usage(`${where} must be one of ${row.choices.join(', ')}.`);
  }
  return String(value);
}

function parsePeers(text: string): ReadonlyMap<NodeName, HostPort> {
  const peers = new Map<NodeName, HostPort>();
  for (const part of text.split(',')) {
    const [name, address, ...rest] = part.trim().split('=');
    if (name === undefined || address === undefined || rest.length > 0 || !isNodeName(name)) {
      throw usage(`--peers: “${part}” is not of the form NAME=HOST:PORT.`);
    }
    if (peers.has(name)) throw usage(`--peers names ${name} twice.`);
    peers.set(name, parseHostPort(address, '--peers'));
  }
  return new Map([...peers].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function parseHostPort(text: string, flag: string): HostPort {
  const match = /^(?:\[([0-9a-f:]+)\]|([^:\s]+)):(\d+)$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) throw usage(`${flag}: “${text}” is not of the form HOST:PORT.`);
  return { host, port: parsePort(match[3]!, flag) };
}

function parsePort(text: string, flag: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw usage(`${flag}: “${text}” is no port.`);
  return port;
}

function parseMebibytes(text: string, flag: string): number {
  const mebibytes = Number(text);
  if (!/^\d+$/.test(text) || mebibytes > 1024 * 1024) throw usage(`${flag}: “${text}” is no number of MiB.`);
  return mebibytes * 1024 * 1024;
}

/** At most as long as a timer can wait. */
const HOURS_MAX = 500;

function parseHours(text: string, flag: string): number {
  const hours = Number(text);
  if (text.trim() !== '' && hours >= 0 && hours <= HOURS_MAX) return hours;
  throw usage(`${flag}: “${text}” is no number of hours from 0 to ${HOURS_MAX}.`);
}

/** With the twelfth of it after which it is looked for again, less than a day. */
const LOG_HOURS_MAX = 22;

function parseLogHours(text: string, flag: string): number {
  const hours = parseHours(text, flag);
  if (hours > 0 && hours <= LOG_HOURS_MAX) return hours;
  throw usage(`${flag}: what is deleted leaves the log within a day: more than 0 and up to ${LOG_HOURS_MAX} hours.`);
}

/** Less would hardly leave time for all to hear of one; a week is long enough. */
const ROTATION_MINUTES_MIN = 1 / 60;
const ROTATION_MINUTES_MAX = 7 * 24 * 60;

function parseRotationMinutes(text: string): number {
  const minutes = Number(text);
  if (text.trim() !== '' && minutes >= ROTATION_MINUTES_MIN && minutes <= ROTATION_MINUTES_MAX) return minutes;
  throw usage(`--key-rotation-minutes: “${text}” is no number of minutes from a second to a week.`);
}

function parseUrl(text: string, flag: string): string {
  if (!/^https?:$/.test(protocolOf(text))) {
    throw usage(`${flag}: “${text}” is no http or https URL.`);
  }
  return new URL(text).origin;
}

function protocolOf(text: string): string {
  try {
    return new URL(text).protocol;
  } catch {
    return '';
  }
}

function tlsFiles(certFile: string | null, keyFile: string | null): ChatdConfig['tls'] {
  if (certFile === null && keyFile === null) return null;
  if (certFile === null || keyFile === null) throw usage('--tls-cert and --tls-key belong together.');
  return { certFile, keyFile };
}

/** @throws ParleyError `usage` where more than one is given */
export function wrappingKeySource(text: (name: WrappingKeyOption) => string | null): WrappingKeySource {
  const [path, command, key] = [text('wrapping-key-file'), text('wrapping-key-command'), text('wrapping-key')];
  if ([path, command, key].filter((given) => given !== null).length > 1) {
    throw usage(
      `Give one of --wrapping-key-file, --wrapping-key-command and ${environmentName('wrapping-key')}, not several.`,
    );
  }
  if (path !== null) return { kind: 'file', path };
  if (command !== null) return { kind: 'command', command };
  return key === null ? { kind: 'beside' } : { kind: 'environment', text: key };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function listOf(value: string | string[] | boolean | undefined): string[] {
  if (value === undefined || typeof value === 'boolean') return [];
  const parts = Array.isArray(value) ? value : value.split(',');
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}
