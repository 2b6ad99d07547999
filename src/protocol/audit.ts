import type { AccountId, DeviceId, NodeName, RoomId, SessionId } from './ids.ts';

/**
 * The audit log: who did what, from where. It stands in the replicated state, so every node gives the same answer, and
 * says nothing of what people write. Two bounded parts, each of which drops its oldest: acts of administration, and
 * what people do by themselves, so that nobody can push the former out by doing much of the latter.
 */
export const AUDIT_PARTS = ['server', 'people'] as const;
export type AuditPart = (typeof AUDIT_PARTS)[number];

/** What can stand in it, and in which part. */
export const AUDIT_ACTS = {
  'account.registered': 'people',
  'session.opened': 'people',
  'session.ended': 'people',
  /** A spent refresh secret was used: two parties held it. */
  'session.stolen': 'people',
  /** Attempts to log in, or to use an admin token; many of them are one row. */
  'session.refused': 'people',
  /** A password, or a recovery code, was proved on a machine that is no device of the account yet. */
  'login.proved': 'people',
  'password.set': 'people',
  'password.removed': 'people',
  'totp.enabled': 'people',
  'totp.disabled': 'people',
  'vault.changed': 'people',
  'device.added': 'people',
  'device.revoked': 'people',
  'room.created': 'people',
  'room.members-added': 'people',
  'room.member-removed': 'people',
  'room.joined': 'people',
  'room.role-changed': 'people',
  'room.member-muted': 'people',
  'room.archived': 'people',
  'room.retention-set': 'people',
  'room.link-created': 'people',
  'room.link-revoked': 'people',
  'room.hook-added': 'people',
  'room.hook-removed': 'people',
  'invite.created': 'server',
  'server.registration-set': 'server',
  'server.retention-set': 'server',
  'server.quotas-set': 'server',
  'server.login-setup-added': 'server',
  'admin.added': 'server',
  'admin.removed': 'server',
  'user.banned': 'server',
  'user.unbanned': 'server',
  'address.banned': 'server',
  'address.unbanned': 'server',
  'user.deactivated': 'server',
  'user.reactivated': 'server',
  'user.deleted': 'server',
  'report.created': 'people',
  'report.resolved': 'server',
  'message.purged': 'server',
  'room.purged': 'server',
  'node.added': 'server',
  'node.promoted': 'server',
  'node.removed': 'server',
  'node.replaced': 'server',
  'node.made-leader': 'server',
  /** The nodes went over to another key among themselves. */
  'keys.rotated': 'server',
} as const satisfies Readonly<Record<string, AuditPart>>;
export type AuditAct = keyof typeof AUDIT_ACTS;

/** What the node that serves an operator brings into the log when it is done: no command changes nodes. */
export const NODE_ACTS = [
  'node.added',
  'node.promoted',
  'node.removed',
  'node.replaced',
  'node.made-leader',
  'keys.rotated',
] as const satisfies readonly AuditAct[];
export type NodeAct = (typeof NODE_ACTS)[number];

/** As what somebody acted: logged in, with the admin token of a node, not logged in, or the cluster by itself. */
export const AUDIT_ROLES = ['account', 'operator', 'stranger', 'cluster'] as const;
export type AuditRole = (typeof AUDIT_ROLES)[number];

/** What an act was about. */
export interface AuditSubject {
  /** The first `LIMITS.auditAccountsMax` of them. */
  readonly accounts?: readonly AccountId[];
  /** How many more accounts there were. */
  readonly more?: number;
  readonly room?: RoomId;
  readonly device?: DeviceId;
  readonly session?: SessionId;
  readonly node?: NodeName;
  /** A role, a policy, a reason: one short text. */
  readonly value?: string;
  /** How often, where many are one row. */
  readonly count?: number;
}

/** From where a request came, as the node that took it saw it. */
export interface RequestSource {
  readonly node: NodeName;
  /** IPv4 or IPv6; null where there was none. */
  readonly address: string | null;
}
