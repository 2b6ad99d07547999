/** Bounds of the replicated state that clients need not know. */

/** Events that are not messages, kept for replay per room and per account. */
export const EVENTS_KEPT_MAX = 1_000;

/** How many dedupe records one row of the expiry index lists. */
export const COUNTED_IN_ONE_EXPIRY_ROW_MAX = 64;

/** How long an approved device finds its sealed user key. */
export const ANSWER_TTL_MS = 7 * 24 * 3_600_000;

/** Beyond this, a challenge's time cannot have come from a node with a sane clock. */
export const CHALLENGE_AHEAD_MS_MAX = 15 * 60_000;
