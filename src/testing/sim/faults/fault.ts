import type { ConfChangeTransition } from '../../../consensus/types.ts';
import type { MemberVerb } from '../../../node/ports.ts';

/** A machine by its number, or whoever leads when it happens. */
export type Target = number | 'leader';

/**
 * One thing that goes wrong, or that an operator does, at a moment of virtual time. Says everything about itself in
 * plain values, so that a list of faults can be written to a file, and any part of it left out.
 */
export type Fault = { readonly atMs: number } & FaultAction;

/** Moments at which a death tells more than at others. */
export type Occasion = 'installing a snapshot' | 'elected' | 'leading a joint configuration';

export type FaultAction =
  // ---------------------------------------------------------------- processes
  /** Now, or in the middle of whatever it does `afterSteps` calls to its disk and network later. */
  | {
      readonly kind: 'crash';
      readonly on: Target;
      readonly afterSteps: number;
      readonly downMs: number;
      readonly noticeMs: number;
    }
  /** The next machine that comes to this point dies a few steps later. */
  | { readonly kind: 'ambush'; readonly at: Occasion; readonly afterSteps: number; readonly downMs: number }
  /** All machines at once; each comes back a little after the one before it. */
  | { readonly kind: 'power-cut'; readonly downMs: number; readonly spreadMs: number }
  | { readonly kind: 'stop'; readonly on: Target; readonly downMs: number }
  | { readonly kind: 'pause'; readonly on: Target; readonly forMs: number }
  // ---------------------------------------------------------------- network
  | {
      readonly kind: 'partition';
      readonly side: readonly number[];
      readonly forMs: number;
      readonly staleAfter: boolean;
    }
  | { readonly kind: 'isolate'; readonly on: Target; readonly forMs: number; readonly staleAfter: boolean }
  | { readonly kind: 'cut-one-way'; readonly from: Target; readonly to: number; readonly forMs: number }
  /** Two halves that only this machine can talk to. */
  | { readonly kind: 'bridge'; readonly side: readonly number[]; readonly middle: number; readonly forMs: number }
  /** One machine after the other is cut off, and they come back in another order. */
  | {
      readonly kind: 'swizzle';
      readonly cutOrder: readonly number[];
      readonly healOrder: readonly number[];
      readonly stepMs: number;
    }
  /** The same machine again and again. */
  | { readonly kind: 'flap'; readonly on: Target; readonly times: number; readonly everyMs: number }
  | { readonly kind: 'slow-links'; readonly on: Target; readonly byMs: number; readonly forMs: number }
  | { readonly kind: 'loss'; readonly chance: number; readonly forMs: number }
  | { readonly kind: 'duplicates'; readonly chance: number; readonly forMs: number }
  | { readonly kind: 'stale-burst'; readonly olderThanMs: number }
  // ---------------------------------------------------------------- disks
  | { readonly kind: 'stall-disk'; readonly on: Target; readonly forMs: number }
  | { readonly kind: 'slow-disk'; readonly on: Target; readonly factor: number; readonly forMs: number }
  | { readonly kind: 'fail-write'; readonly on: Target }
  | { readonly kind: 'fill-disk'; readonly on: Target; readonly forMs: number }
  | { readonly kind: 'write-back'; readonly on: Target }
  /** The machine restarts with a flipped bit somewhere, and hears nobody who could help it for `apartMs`. */
  | {
      readonly kind: 'flip-bit';
      readonly on: Target;
      readonly where: 'log' | 'log-base' | 'state' | 'mark';
      readonly place: number;
      readonly downMs: number;
      readonly apartMs: number;
    }
  /** The machine restarts without the end of its log, synced though it was, and nothing looks broken. */
  | {
      readonly kind: 'lose-tail';
      readonly on: Target;
      readonly share: number;
      readonly downMs: number;
      readonly apartMs: number;
    }
  /** All machines restart, each with a flipped bit elsewhere in its log (`places` in `[0, 1)`, by machine). */
  | { readonly kind: 'rot-everywhere'; readonly places: readonly number[]; readonly downMs: number }
  /** The machine restarts; `afterMs` later it restarts again, from a copy that was made of its disks before. */
  | { readonly kind: 'restore-copy'; readonly on: Target; readonly downMs: number; readonly afterMs: number }
  /** The next snapshot that it sends has a flipped bit. */
  | { readonly kind: 'spoil-snapshot'; readonly on: Target; readonly place: number }
  /** The machine restarts with an empty disk. */
  | { readonly kind: 'wipe-disk'; readonly on: Target; readonly downMs: number }
  // ---------------------------------------------------------------- clocks
  | { readonly kind: 'jump-clock'; readonly on: Target; readonly byMs: number }
  | { readonly kind: 'drift'; readonly on: Target; readonly rate: number }
  // ---------------------------------------------------------------- Raft
  /** These machines take the living leader for dead. */
  | { readonly kind: 'false-hint'; readonly by: readonly number[] }
  | { readonly kind: 'transfer'; readonly to: number }
  // ---------------------------------------------------------------- membership
  /** What `chatctl member` asks for, with its refusals. */
  | { readonly kind: 'member'; readonly verb: MemberVerb; readonly node: number }
  /** Any steps at once, as the core allows them: each of these machines becomes voter or learner, or goes. */
  | {
      readonly kind: 'reconfigure';
      readonly moves: readonly { readonly node: number; readonly as: 'voter' | 'learner' | 'gone' }[];
      readonly transition: ConfChangeTransition;
    }
  | { readonly kind: 'leave-joint' }
  // ---------------------------------------------------------------- load
  | { readonly kind: 'burst'; readonly commands: number };

export type FaultKind = FaultAction['kind'];

/** What a minority has to bear for good while the others have to go on. */
export interface LastingFault {
  readonly kind: 'crashed' | 'isolated' | 'deaf' | 'mute' | 'paused' | 'disk-stuck';
  readonly hitsLeader: boolean;
}
