import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Metrics } from '../../api/metrics/metrics.ts';
import { nodeRandom } from '../../crypto/node-random.ts';
import { buildApi } from '../../api/server.ts';
import { besidePath, obtainWrappingKey } from '../../node/at-rest/wrapping-key-source.ts';
import { ClusterSecret } from '../../node/cluster-secret.ts';
import { openIdentity, resealIdentity } from '../../node/identity/identity-file.ts';
import { ParleyNode } from '../../node/node.ts';
import { MemberDirectory } from '../../node/membership/member-directory.ts';
import { directoryOf, foundingPeers, tableOf } from '../../node/peer-directory.ts';
import { waitForSpace } from '../../node/disk/disk-space.ts';
import { makeDirectory } from '../../node/store/files.ts';
import { openNodeStore } from '../../node/store/open-node-store.ts';
import { complaintsAbout, expiryOf, spaceOf } from '../../node/diagnosis/own-files.ts';
import { RingKeys } from '../../node/ring/ring-keys.ts';
import { systemClock } from '../../node/system-clock.ts';
import { NatsTransport } from '../../node/transport/nats-transport.ts';
import { startSidecar } from '../../node/transport/sidecar.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { LOOPBACK } from '../local-cluster/layout.ts';
import type { Logger } from 'pino';
import type { ChatdConfig } from './config.ts';
import type { Surroundings } from '../../node/diagnosis/diagnose.ts';
import type { ApiLimits } from '../../api/config.ts';
import type { Sidecar } from '../../node/transport/sidecar.ts';

/** How long requests under way may take when the node goes down. */
const DRAIN_MS = 5_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** `dist/web`, beside which this file lies in `dist/src/cli/chatd`. */
const WEB_FOLDER = fileURLToPath(new URL('../../../web', import.meta.url));

export interface RunningNode {
  /** Drains clients, hands leadership over, closes everything, in the reverse order of starting. */
  stop(): Promise<void>;
}

/** Why the process has to end, though nobody asked for it. */
export interface NodeEnds {
  /** The node cannot go on; nothing of it can be relied on. */
  readonly onFatal: (error: unknown) => void;
  /** The node has to be stopped in good order, for its disk is about to be full. */
  readonly onFull: (error: ParleyError) => void;
}

/**
 * Builds a node from its configuration: store, nats-server, transport, node, API.
 * @throws ParleyError with one sentence for people; what was started is stopped again
 */
export async function runNode(
  config: ChatdConfig,
  version: string,
  logger: Logger,
  ends: NodeEnds,
): Promise<RunningNode> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) {
      await close().catch((error: unknown) => logger.warn({ error }, 'closing a part of the node failed'));
    }
  };
  try {
    await build(config, version, logger, ends, closers);
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  config: ChatdConfig,
  version: string,
  logger: Logger,
  { onFatal, onFull }: NodeEnds,
  closers: (() => Promise<void>)[],
): Promise<void> {
  const secret = ClusterSecret.read(config.clusterSecretFile);
  const limits = config.limitsFile === null ? undefined : readLimits(config.limitsFile);
  const metrics = new Metrics();
  await makeDirectory(config.dataDir);
  await waitForSpace(config.dataDir, config.diskReserveBytes, {
    clock: systemClock,
    onWait: (freeBytes) =>
      logger.error({ dir: config.dataDir, freeBytes }, 'the disk is full: waiting for room before the data is opened'),
  });
  const store = await openNodeStore({
    dir: config.dataDir,
    nodeName: config.name,
    wrappingKey: await obtainWrappingKey(config.wrappingKey, config.dataDir),
    logger,
    onFatal,
    onLogWritten: metrics.logWritten,
    limits: { scrubIntervalMs: config.scrubHours * HOUR_MS },
  });
  closers.push(() => store.close());
  const identity = await openIdentity(
    { dir: config.dataDir, seal: store.seals?.of('files') },
    store.manifest !== undefined,
    nodeRandom,
  );
  if (store.kind === 'intact')
    store.keys.attach('files', () => resealIdentity(config.dataDir, store.seals.of('files')));
  await writeOwnFiles(config, secret, closers);

  const sidecar = await openSidecar(config, secret, logger, closers);
  const peers = [...config.peers.keys()];
  const directory =
    store.manifest === undefined ? directoryOf(foundingPeers(peers)) : new MemberDirectory(tableOf(store.manifest));
  const ring = new RingKeys(() => systemClock.monotonicMs());
  const transport = await NatsTransport.connect({
    self: config.name,
    boot: store.bootId,
    ...{ identity, ring },
    secret: secret.derive('transport'),
    url: config.natsUrl ?? sidecar!.clientUrl,
    peers,
    directory,
    clock: systemClock,
    logger,
  });
  closers.push(() => transport.close());

  const node = new ParleyNode({
    config: {
      name: config.name,
      peers,
      advertiseUrl: config.advertiseUrl,
      registration: config.registration,
      reads: config.reads,
      logAgeMsMax: config.logHours * HOUR_MS,
      keyRotationMs: config.keyRotationMinutes * MINUTE_MS,
      version,
      diskReserveBytes: config.diskReserveBytes,
    },
    secret,
    ...{ identity, ring },
    store,
    transport,
    directory,
    clock: systemClock,
    logger,
    natsPid: () => sidecar?.pid ?? null,
    surroundings: () => surroundingsOf(config),
    onFatal,
    onFull,
  });
  closers.push(() => node.stop());
  node.start();

  const api = buildApi({
    node,
    config: {
      host: config.api.host,
      port: config.api.port,
      advertiseUrl: config.advertiseUrl,
      origins: config.origins,
      trustedProxies: config.trustedProxies,
      insecureHttp: true,
      webFolder: WEB_FOLDER,
      tls:
        config.tls === null
          ? undefined
          : { cert: readFileSync(config.tls.certFile), key: readFileSync(config.tls.keyFile) },
      limits,
    },
    logger,
    metrics,
  });
  closers.push(() => api.close(DRAIN_MS));
  await api.listen();
}

async function openSidecar(
  config: ChatdConfig,
  secret: ClusterSecret,
  logger: Logger,
  closers: (() => Promise<void>)[],
): Promise<Sidecar | null> {
  if (config.natsUrl !== null) return null;
  const sidecar = await startSidecar({
    node: config.name,
    secret: secret.derive('transport'),
    dataDir: config.dataDir,
    client: { host: LOOPBACK, port: config.natsPort },
    route: config.peers.get(config.name)!,
    advertise: config.routeAdvertise,
    peers: [...config.peers].filter(([name]) => name !== config.name).map(([, address]) => address),
    logger,
  });
  closers.push(() => sidecar.close());
  return sidecar;
}

/** What other programs on this machine look for in the data directory. */
async function writeOwnFiles(
  config: ChatdConfig,
  secret: ClusterSecret,
  closers: (() => Promise<void>)[],
): Promise<void> {
  const pidFile = join(config.dataDir, 'chatd.pid');
  await writeFile(pidFile, `${process.pid}\n`);
  closers.push(() => rm(pidFile, { force: true }));
  await writeFile(join(config.dataDir, 'admin.token'), `${secret.adminToken(config.name)}\n`, { mode: 0o600 });
}

function surroundingsOf({ dataDir, clusterSecretFile, wrappingKey, tls }: ChatdConfig): Surroundings {
  const beside = wrappingKey.kind === 'beside' ? [besidePath(dataDir)] : [];
  const wrapping = wrappingKey.kind === 'file' ? [wrappingKey.path] : beside;
  const tlsKey = tls === null ? [] : [tls.keyFile];
  const secrets = [clusterSecretFile, join(dataDir, 'admin.token'), ...wrapping, ...tlsKey];
  return {
    disk: spaceOf(dataDir),
    files: complaintsAbout(secrets),
    certificateExpiresMs: expiryOf(tls?.certFile ?? null),
    wrappingKey: wrappingKey.kind,
  };
}

function readLimits(file: string): Partial<ApiLimits> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<ApiLimits>;
  } catch (cause) {
    throw new ParleyError('usage', `The limits file ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
