import { EMPTY_CONF_STATE, type ConfState, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { LogStore, StateStore } from '../ports.ts';
import type { Sighting } from '../rollback/witness.ts';
import { DataKeys } from '../at-rest/data-keys.ts';
import { DiskKeys } from '../at-rest/disk-keys.ts';
import { readKeyFile, type KeyFileContent } from '../at-rest/key-file.ts';
import { BootRecord } from './boot-record.ts';
import { damageOf, damaged } from './damage.ts';
import { lockDirectory, type DirectoryLock } from './directory-lock.ts';
import { FatalSwitch } from './fatal-switch.ts';
import { makeDirectory } from './files.ts';
import { LevelLogStore } from './level-log-store.ts';
import { LevelStateStore } from './level-state-store.ts';
import { readIdentity, sameFounding, writeFounding, writeManifest, type Identity } from './manifest.ts';
import { readMark } from './mark-copies.ts';
import type { MarkContent } from './mark-slot.ts';
import {
  STORE_LIMITS,
  type DamagedStore,
  type Founding,
  type IntactStore,
  type Manifest,
  type NodeStoreOptions,
  type OpenedStore,
  type StoreDamage,
  type StoreHistory,
  type StoreLimits,
} from './node-store.ts';
import { catchUp, completeLog, savedEntries } from './complete-log.ts';
import type { EntryPool } from './entry-pool.ts';
import { verifyLog, type RecoveredLog } from './log-recovery.ts';
import { LOG_FOLDER, markPath, openLog, type OpenLogOptions, type OpenedLog } from './open-log.ts';
import { isThere } from './log-salvage.ts';
import { createState, openState, type OpenedState, type StateSealing } from './open-state.ts';
import { RowNames } from './hidden-rows.ts';
import { Scrubber } from './scrubber.ts';
import { readSightings, writeSightings } from './witness-file.ts';
import type { StateDatabase } from './state-database.ts';
import { StateFolders } from './state-folders.ts';

/**
 * Opens or makes a node's data directory. One process at a time.
 *
 * @throws ParleyError `data_in_use` when another process has it, `wrong_cluster` when it belongs to another node,
 *   `unsupported_version` when a newer program wrote it; what is in it is then as it was
 */
export async function openNodeStore(options: NodeStoreOptions): Promise<OpenedStore> {
  await makeDirectory(options.dir);
  const lock = await lockDirectory(options.dir);
  try {
    return await openLocked(options, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(options: NodeStoreOptions, lock: DirectoryLock): Promise<OpenedStore> {
  const { dir, logger } = options;
  // First of all: under a wrong key nothing is to be changed.
  const keyFile = await orDamage(() => readKeyFile(dir, options.wrappingKey));
  const found = await orDamage(() => readIdentity(dir, options.nodeName));
  const identity = found.value ?? NOBODY;
  const boot = await BootRecord.begin(dir, Date.now(), identity.manifest !== undefined);
  const opened = { identity, boot, lock };
  const keys: OrDamage<DataKeys> =
    keyFile.damage === undefined ? await orDamage(() => openKeys(options, identity, keyFile.value)) : keyFile;
  let damage = found.damage ?? keys.damage;
  if (damage === undefined) {
    const parts = await orDamage(() => openParts(options, { ...opened, keys: keys.value! }));
    if (parts.value !== undefined) return parts.value;
    ({ damage } = parts);
  }
  logger.error({ damage }, 'the data of this node is damaged');
  return new Damaged({ dir, ...opened, keys: keys.value }, damage, await copiesBeside(dir, keys.value));
}

const NOBODY: Identity = { manifest: undefined, founding: undefined };

type OrDamage<T> =
  | { readonly value: T; readonly damage?: undefined }
  | { readonly value?: undefined; readonly damage: StoreDamage };

/** What something gives, or the damage that it finds. */
async function orDamage<T>(work: () => Promise<T>): Promise<OrDamage<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    return { damage };
  }
}

/**
 * The keys are made before anything that they seal.
 * @throws ParleyError `damaged` where there is something that was sealed, and no keys
 */
async function openKeys(
  { dir, wrappingKey, onFatal }: NodeStoreOptions,
  { manifest }: Identity,
  content: KeyFileContent | undefined,
): Promise<DataKeys> {
  if (content === undefined && (manifest !== undefined || (await isThere(markPath(dir))))) {
    throw damaged('keys', 'keys', 'they are missing, and with them all that was sealed under them');
  }
  return DataKeys.open({ dir, wrapping: wrappingKey, wallMs: Date.now, onFatal }, content);
}

interface Opened {
  readonly identity: Identity;
  readonly boot: BootRecord;
  readonly lock: DirectoryLock;
}

interface OpenedKeys extends Opened {
  readonly keys: DataKeys;
}

async function openParts(options: NodeStoreOptions, opened: OpenedKeys): Promise<IntactStore> {
  const fresh = opened.identity.manifest === undefined;
  const sightings = await readSightings(options.dir, options.logger);
  const limits = { ...STORE_LIMITS, ...options.limits };
  const logOptions: OpenLogOptions = {
    dir: options.dir,
    fresh,
    limits,
    logger: options.logger,
    fatal: new FatalSwitch(options.onFatal),
    seals: { log: opened.keys.sealOf('log'), mark: opened.keys.sealOf('mark') },
  };
  const sealing = { seal: opened.keys.sealOf('state'), names: new RowNames(opened.keys.nameKey) };
  const both = await openBoth(logOptions, sealing);
  return new Intact({ ...opened, ...both, sightings, options, limits, sealing, fatal: logOptions.fatal });
}

interface OpenedBoth {
  readonly folders: StateFolders;
  readonly log: OpenedLog;
  readonly disk: StateDatabase;
  /** Why the state is empty, where it was set aside. */
  readonly damage: StoreDamage | undefined;
  readonly saved: EntryPool | undefined;
  /** Whether all of it was read. */
  readonly isVerified: boolean;
}

/**
 * The state comes first where the log is damaged: what the state contains need not be in the log any more.
 * @throws ParleyError `damaged`
 */
async function openBoth(options: OpenLogOptions, sealing: StateSealing): Promise<OpenedBoth> {
  const { dir, fresh, limits, logger, fatal } = options;
  const found = await openLog(options);
  const closers: { close(): Promise<void> }[] = [found.markFile];
  try {
    if (found.kind === 'open') closers.push(found.database);
    const folders = await StateFolders.open(dir);
    const state = await openState({ folders, fresh, mayReplace: !fresh, limits, logger, fatal, sealing });
    closers.push(state.disk);
    const log = found.kind === 'open' ? found : await completeLog(options, found, state.disk.applied);
    if (found.kind === 'broken') closers.push(log.database);
    const matching = await matchState({ ...options, sealing }, folders, { log: log.recovered, ...state });
    if (matching.disk !== state.disk) closers.push(matching.disk);
    await catchUp(log.markFile, log.recovered);
    const saved = log.recovered.repair && (await savedEntries(options));
    const { isVerified } = state;
    return { folders, log, saved, damage: matching.damage, disk: matching.disk, isVerified };
  } catch (error) {
    for (const part of closers) await part.close();
    throw error;
  }
}

/**
 * Where a log lost entries that the state contains, and nothing could be saved that continues the state, the state
 * begins anew along with it.
 *
 * @throws ParleyError `damaged` for a sound log that contradicts a sound state: nobody can tell which of them is ours
 */
async function matchState(
  { limits, logger, sealing }: OpenLogOptions & { readonly sealing: StateSealing },
  folders: StateFolders,
  { log, disk, damage }: { readonly log: RecoveredLog } & Pick<OpenedState, 'disk' | 'damage'>,
): Promise<{ readonly disk: StateDatabase; readonly damage: StoreDamage | undefined }> {
  try {
    checkAgreement(log, disk);
    return { disk, damage };
  } catch (error) {
    if (log.repair === undefined) throw error;
    logger.warn({ damage: damageOf(error) }, 'the state is set aside: the log does not lead up to it any more');
    await disk.close();
    await folders.setAside(disk.where);
    return { disk: await createState({ folders, limits, sealing }), damage: damageOf(error) };
  }
}

/**
 * The state holds what the log has, or is about to hold: only a snapshot that was installed as state, but not as log
 * yet, may be ahead of it.
 */
function checkAgreement({ base, tail, terms }: RecoveredLog, disk: StateDatabase): void {
  const { index, term } = disk.applied;
  const last = tail.next - 1;
  // An empty one was lost, and is fetched from another node.
  if (index === 0) return;
  if (index < base.index) {
    throw damaged('state', disk.where, `it ends at entry ${index}, but the log begins at ${base.index + 1}`);
  }
  if (disk.installedFrom?.metadata.index === index) return;
  if (index > last) throw damaged('log', 'log', `it ends at entry ${last}, but entry ${index} was applied`);
  const logTerm = index === base.index ? base.term : terms.termAt(index);
  if (logTerm !== term) {
    throw damaged('log', 'log', `entry ${index} has term ${logTerm}, but one of term ${term} was applied`);
  }
}

async function copiesBeside(dir: string, keys: DataKeys | undefined): Promise<MarkContent | undefined> {
  try {
    return keys && (await readMark(markPath(dir), keys.sealOf('mark')));
  } catch {
    return undefined;
  }
}

interface IntactParts extends OpenedKeys, OpenedBoth {
  readonly sealing: StateSealing;
  readonly options: NodeStoreOptions;
  readonly limits: StoreLimits;
  readonly fatal: FatalSwitch;
  readonly sightings: readonly Sighting[];
}

function scrubberOf(
  { options, limits, fatal, folders, log, isVerified }: IntactParts,
  state: LevelStateStore,
): Scrubber {
  const place = { where: LOG_FOLDER, location: log.database.location };
  return new Scrubber(
    {
      parts: [
        { part: 'log', folder: () => place, verify: (pause) => verifyLog(log.database, pause) },
        { part: 'state', folder: () => state.folder, verify: (pause) => state.verify(pause) },
      ],
      intervalMs: limits.scrubIntervalMs,
      monotonicMs: () => performance.now(),
      logger: options.logger,
      fatal,
      // A damaged log is found out by whoever opens it.
      condemn: ({ part, where, reason }) => {
        if (part === 'state') folders.condemn(where, reason);
      },
    },
    isVerified,
  );
}

function historyOf({ boot, options, sightings }: IntactParts): StoreHistory {
  return {
    get lineage() {
      return boot.lineage;
    },
    get refusal() {
      return boot.refusal;
    },
    confirm: () => boot.confirm(),
    refuse: (reason) => boot.refuse(reason),
    sightings,
    saveSightings: (rows) => writeSightings(options.dir, rows),
  };
}

class Intact implements IntactStore {
  readonly kind = 'intact';
  readonly dir: string;
  readonly bootId: number;
  readonly history: StoreHistory;
  readonly seals: IntactStore['seals'];
  readonly repair: StoreDamage | undefined;
  readonly log: LogStore;
  readonly state: StateStore;
  readonly keys: DiskKeys;
  readonly scrubber: Scrubber;
  readonly #parts: IntactParts;
  #identity: Identity;

  constructor(parts: IntactParts) {
    const { options, limits, fatal, folders, disk, damage, sealing } = parts;
    this.dir = options.dir;
    this.bootId = parts.boot.boot;
    this.history = historyOf(parts);
    this.seals = { of: (part) => parts.keys.sealOf(part) };
    const { repair, base } = parts.log.recovered;
    const lost: StoreDamage = { part: 'state', where: disk.where, reason: 'it was lost and has to be fetched' };
    const lacksState = disk.applied.index < base.index ? (damage ?? lost) : undefined;
    this.repair = repair === undefined ? lacksState : { part: 'log', where: 'log', reason: repair.reason };
    this.#parts = parts;
    this.#identity = parts.identity;
    const state = new LevelStateStore({
      folders,
      disk,
      foundingConfState: () => this.#foundingConfState(),
      limits,
      fatal,
      sealing,
    });
    this.state = state;
    const log = new LevelLogStore({
      ...parts.log,
      saved: parts.saved,
      limits,
      fatal,
      applied: () => ({ index: state.appliedIndex, confState: state.confState }),
      mayWrite: () => this.manifest !== undefined,
      onWritten: options.onLogWritten,
    });
    this.log = log;
    this.keys = new DiskKeys({
      keys: parts.keys,
      // What lies aside of a damaged log is read again at the next start.
      mayRetire: () => log.repair === undefined,
      wallMs: Date.now,
      logger: options.logger,
      onFatal: (error) => fatal.trip(error),
    });
    this.keys.attach('mark', () => parts.log.markFile.reseal());
    this.keys.attach('log', (before) => log.reseal(before));
    this.keys.attach('state', (before) => state.reseal(before));
    this.scrubber = scrubberOf(parts, state);
  }

  get manifest(): Manifest | undefined {
    return this.#identity.manifest;
  }

  get founding(): Founding | undefined {
    return this.#identity.founding;
  }

  #foundingConfState(): ConfState {
    const peers = this.manifest?.peers ?? [];
    return { ...EMPTY_CONF_STATE, voters: peers.map(({ peerId }) => peerId).sort((a, b) => a - b) };
  }

  async recordFounding(founding: Founding): Promise<void> {
    const known = this.founding;
    if (known !== undefined) {
      if (sameFounding(known, founding)) return;
      throw new ParleyError(
        'wrong_cluster',
        `${this.dir} belongs to cluster ${known.clusterId} with its peers, not to ${founding.clusterId}.`,
      );
    }
    await writeFounding(this.dir, this.#parts.options.nodeName, founding);
    this.#identity = { manifest: undefined, founding };
  }

  async join(): Promise<Manifest> {
    const { manifest, founding } = this.#identity;
    if (manifest !== undefined) return manifest;
    if (founding === undefined) throw new Error('there is no founding record to join by');
    return this.#becomeMember(founding);
  }

  async enter(founding: Founding, peer: PeerId): Promise<Manifest> {
    const { manifest, founding: begun } = this.#identity;
    if (manifest !== undefined || begun !== undefined) throw new Error('only an empty node enters a cluster');
    return this.#becomeMember(founding, peer);
  }

  async #becomeMember(founding: Founding, ownPeer?: PeerId): Promise<Manifest> {
    const written = await writeManifest(this.dir, this.#parts.options.nodeName, founding, ownPeer);
    this.#identity = { manifest: written, founding: written };
    return written;
  }

  async close(): Promise<void> {
    this.keys.stop();
    await this.scrubber.stop();
    await this.state.close();
    await this.log.close();
    await this.#parts.keys.close();
    await this.#parts.lock.release();
  }
}

class Damaged implements DamagedStore {
  readonly kind = 'damaged';
  readonly dir: string;
  readonly bootId: number;
  readonly manifest: DamagedStore['manifest'];
  readonly founding: DamagedStore['founding'];
  readonly damage: StoreDamage;
  readonly hardState: DamagedStore['hardState'];
  readonly mark: DamagedStore['mark'];
  readonly seals: DamagedStore['seals'];
  readonly #lock: DirectoryLock;

  constructor(
    opened: Opened & { readonly dir: string; readonly keys: DataKeys | undefined },
    damage: StoreDamage,
    beside: MarkContent | undefined,
  ) {
    this.dir = opened.dir;
    this.bootId = opened.boot.boot;
    this.manifest = opened.identity.manifest;
    this.founding = opened.identity.founding;
    this.damage = damage;
    this.hardState = beside?.hardState;
    this.mark = beside?.mark;
    const { keys } = opened;
    this.seals = keys && { of: (part) => keys.sealOf(part) };
    this.#lock = opened.lock;
  }

  close(): Promise<void> {
    return this.#lock.release();
  }
}
