import type { ParleyError } from '../protocol/errors.ts';
import type { ClusterJson } from '../protocol/http/schemas.ts';
import type { NodeName } from '../protocol/ids.ts';
import type { ClusterSecret } from './cluster-secret.ts';
import type { Surroundings } from './diagnosis/diagnose.ts';
import type { NodeIdentity } from './identity/node-identity.ts';
import type { MemberDirectory } from './membership/member-directory.ts';
import type { Clock, NodeTransport } from './ports.ts';
import type { RaftSettings } from './raft/raft-settings.ts';
import type { RingKeys } from './ring/ring-keys.ts';
import type { OpenedStore } from './store/node-store.ts';

export interface NodeLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface NodeConfig {
  readonly name: NodeName;
  /** Names of the founding peers, this node's among them. */
  readonly peers: readonly NodeName[];
  readonly advertiseUrl: string;
  readonly registration: ClusterJson['registration'];
  readonly reads: RaftSettings['reads'];
  /** How old what stands in the log may be, in milliseconds. */
  readonly logAgeMsMax: number;
  /** How often the nodes go over to another key, in milliseconds. */
  readonly keyRotationMs: number;
  readonly version: string;
  /** What is to stay free on the disk. */
  readonly diskReserveBytes: number;
}

export interface NodeParts {
  readonly config: NodeConfig;
  readonly secret: ClusterSecret;
  /** This node's keys. */
  readonly identity: NodeIdentity;
  /** The transport's own. */
  readonly ring: RingKeys;
  readonly store: OpenedStore;
  readonly transport: NodeTransport;
  /** The transport's own. */
  readonly directory: MemberDirectory;
  readonly clock: Clock;
  readonly logger: NodeLogger;
  /** Process id of the node's nats-server, which changes when it is restarted. */
  readonly natsPid: () => number | null;
  /** What is to be said about the machine and the files it was given. */
  readonly surroundings: () => Surroundings;
  readonly onFatal: (error: unknown) => void;
  /** The disk is about to be full: the process has to end in good order, now. */
  readonly onFull: (error: ParleyError) => void;
}
