import { expect } from 'vitest';
import { validateCommit } from '../../crypto/mls/commit-validation.ts';
import { MlsError } from '../../crypto/mls/error.ts';
import { ANY_APPLICATION } from '../../crypto/mls/validation-context.ts';
import { STAMP, type MlsDevice } from './device.ts';
import { forgeCommit, type ForgedCommit } from './forge.ts';
import { addDevices, createDevice, foundedBy } from './small-group.ts';
import type { AuthenticatedContent } from '../../crypto/mls/authenticated-content.ts';
import type { MlsErrorCode } from '../../crypto/mls/error.ts';
import type { Proposal } from '../../crypto/mls/proposal.ts';
import type { PublicGroup } from '../../crypto/mls/public-group.ts';
import type { ApplicationRules, ValidationContext } from '../../crypto/mls/validation-context.ts';

/** A group of four, somebody outside it, and how one says what is refused and why. */

const ann = foundedBy('ann');
const [bob, carl, dora] = addDevices(ann, ['bob', 'carl', 'dora']) as [MlsDevice, MlsDevice, MlsDevice];
const { group } = ann.member;
const { suite } = ann.options;

/** Ann founded the group; Eve is not in it. */
export const FOUR = { ann, bob, carl, dora, eve: createDevice('eve'), group, suite } as const;

export function contextWith(rules: Partial<ApplicationRules> = {}): ValidationContext {
  return { suite, ...STAMP, application: { ...ANY_APPLICATION, ...rules } };
}

/** What an engine objects to; null for nothing. */
export function problemOf(run: () => unknown): { code: MlsErrorCode; message: string } | null {
  try {
    run();
    return null;
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    return { code: error.code, message: error.message };
  }
}

export function refused(
  message: AuthenticatedContent,
  rules: Partial<ApplicationRules> = {},
  of: PublicGroup = group,
): unknown {
  return problemOf(() => validateCommit(of, message, contextWith(rules)));
}

export const problem = (code: MlsErrorCode, text: string): unknown => ({
  code,
  message: expect.stringContaining(text),
});
export const commitOf = (forged: ForgedCommit, by: MlsDevice = ann): AuthenticatedContent =>
  forgeCommit(by, group, forged);
export const add = (device: MlsDevice): Proposal => ({ type: 'add', keyPackage: device.createKeyPackage().keyPackage });
export const remove = (removed: number): Proposal => ({ type: 'remove', removed });
