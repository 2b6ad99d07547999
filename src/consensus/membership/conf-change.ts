import {
  ConfChangeTransition,
  EMPTY_BYTES,
  type ConfChange,
  type ConfChangeStep,
  type ConfChangeV2,
} from '../types.ts';

/** Leaves a joint configuration. */
export const LEAVE_JOINT: ConfChangeV2 = {
  version: 2,
  transition: ConfChangeTransition.auto,
  steps: [],
  context: EMPTY_BYTES,
};

export const stepsOf = (change: ConfChange): readonly ConfChangeStep[] =>
  change.version === 1 ? [change.step] : change.steps;

/**
 * How a change is carried out. Joint consensus is used whenever it is asked for or more than one
 * step is to be made: which sets of steps would be safe without it depends on the configuration
 * they meet.
 */
export type ConfChangeRoute =
  | { readonly kind: 'simple' }
  | { readonly kind: 'enter-joint'; readonly autoLeave: boolean }
  | { readonly kind: 'leave-joint' };

export const routeOf = (change: ConfChange): ConfChangeRoute => {
  if (change.version === 1) return { kind: 'simple' };
  const auto = change.transition === ConfChangeTransition.auto;
  if (auto && change.steps.length === 0) return { kind: 'leave-joint' };
  if (auto && change.steps.length === 1) return { kind: 'simple' };
  return { kind: 'enter-joint', autoLeave: change.transition !== ConfChangeTransition.jointExplicit };
};
