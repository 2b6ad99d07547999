import { Type, type Static } from '@sinclair/typebox';

const OrNull = <T extends ReturnType<typeof Type.Integer> | ReturnType<typeof Type.String>>(schema: T) =>
  Type.Union([schema, Type.Null()]);

// GET /v1/admin/diagnosis (admin token). Of this node alone, which asks nobody: `chatctl doctor` compares.
export const DiagnosisReply = Type.Object({
  node: Type.String(),
  version: Type.String(),
  clusterId: OrNull(Type.String()),
  /** Its clock when it said this, milliseconds since the epoch. */
  wallMs: Type.Number(),
  uptimeMs: Type.Integer(),
  reads: Type.Union([Type.Literal('quorum'), Type.Literal('lease')]),
  /** Null before it takes part. */
  role: OrNull(Type.String()),
  leader: OrNull(Type.String()),
  term: Type.Integer(),
  commitIndex: Type.Integer(),
  appliedIndex: Type.Integer(),
  /** Why it is up without serving or voting. */
  problem: OrNull(Type.String()),
  /** Why it knows no leader, and why nothing is committed, from its own state. */
  noLeader: OrNull(Type.String()),
  notCommitting: OrNull(Type.String()),
  /** As it knows the cluster. */
  members: Type.Array(
    Type.Object({
      id: Type.String(),
      voter: Type.Boolean(),
      api: OrNull(Type.String()),
      /** Of the leader: whether it hears the others, and by how many entries they are behind its log. */
      heard: Type.Union([Type.Boolean(), Type.Null()]),
      behind: OrNull(Type.Integer()),
    }),
  ),
  changingMembers: Type.Boolean(),
  eventLoopLagMs: Type.Number(),
  disk: Type.Union([Type.Object({ freeBytes: Type.Number(), totalBytes: Type.Number() }), Type.Null()]),
  /** Process id of its nats-server, null while none runs or another is used; and whether it is connected to one. */
  natsPid: OrNull(Type.Integer()),
  connected: Type.Boolean(),
  /** Files that others than its user may read, or that cannot be looked at. */
  files: Type.Array(Type.Object({ path: Type.String(), complaint: Type.String() })),
  /** When its TLS certificate expires, milliseconds since the epoch. */
  certificateExpiresMs: Type.Union([Type.Number(), Type.Null()]),
  /** Where the key comes from that its data keys are wrapped by. */
  wrappingKey: Type.Union([
    Type.Literal('beside'),
    Type.Literal('file'),
    Type.Literal('environment'),
    Type.Literal('command'),
  ]),
});

export type DiagnosisJson = Static<typeof DiagnosisReply>;
