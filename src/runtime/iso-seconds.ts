/** A moment as AWS writes most of them, to the second: `2026-11-22T10:30:00Z`. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
