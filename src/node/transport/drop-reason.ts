/** Why a frame was not taken. */
export const DROP_REASONS = [
  /** Not a frame, or cut short in its header. */
  'malformed',
  /** Of a program that speaks another version of this protocol. */
  'other-version',
  /** Under the secret of another cluster, or said in another one. */
  'foreign',
  /** For another node, or one of our own. */
  'misaddressed',
  /** Not what its sender made: altered, cut short, or sealed with another key. */
  'forged',
  /** Of somebody whose keys the membership does not list. */
  'stranger',
  /** Under a key of the ring that does not count any more. */
  'old-key',
  'replayed',
  /** Older than the replay window. */
  'stale',
  /** From a boot that a newer one has replaced. */
  'old-boot',
  /** In no session of this process: it may be from before it began. */
  'unbound',
  /** Genuine, but its content cannot be read or its sender may not say this. */
  'unreadable',
  /** A payload whose fragments never arrived in full. */
  'incomplete',
  'too-many-peers',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];
