/** Moments as CloudWatch writes them where it explains an alarm, all in UTC. */

/** `2026-11-26T17:00:05.250+0000` */
export function javaTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}+0000`;
}

/** `26/11/26 17:00:05` */
export function shortTime(ms: number): string {
  const [year = '', month = '', day = ''] = new Date(ms).toISOString().slice(2, 10).split('-');
  return `${day}/${month}/${year} ${new Date(ms).toISOString().slice(11, 19)}`;
}
