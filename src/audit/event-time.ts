let lastTime = '';
let lastTimeMs = Number.NaN;

/** Of `2026-11-22T10:30:00Z`; NaN of what is none. Most events share their second with the one before. */
export function eventTimeMs(eventTime: string): number {
  if (eventTime !== lastTime) {
    lastTime = eventTime;
    lastTimeMs = Date.parse(eventTime);
  }
  return lastTimeMs;
}
