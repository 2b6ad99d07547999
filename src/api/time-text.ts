/** RFC 3339, UTC, with milliseconds. */
export const timeOf = (ms: number): string => new Date(ms).toISOString();
