import { ParleyError } from '../protocol/errors.ts';
import { API_LIMITS } from './config.ts';
import type { ApiLimits } from './config.ts';

/**
 * The defaults, with those that were configured instead.
 *
 * @throws ParleyError `usage` for a limit that does not exist or is no positive number
 */
export function resolveLimits(given: Partial<ApiLimits> = {}): ApiLimits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(API_LIMITS, name)) {
      throw new ParleyError('usage', `There is no limit “${name}”. There are: ${Object.keys(API_LIMITS).join(', ')}.`);
    }
    const isRate = typeof API_LIMITS[name as keyof ApiLimits] === 'object';
    const isValid = isRate ? isBucketRate(value) : isPositive(value);
    if (!isValid) {
      const form = isRate ? '{"perSecond": number, "burst": number}' : 'a positive number';
      throw new ParleyError('usage', `The limit “${name}” has to be ${form}.`);
    }
  }
  return { ...API_LIMITS, ...given };
}

function isBucketRate(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { perSecond, burst, ...rest } = value as Record<string, unknown>;
  return isPositive(perSecond) && isPositive(burst) && Object.keys(rest).length === 0;
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
