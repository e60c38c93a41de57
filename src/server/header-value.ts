/**
 * A header's value. One that came twice is no header, for what would a signature over two of them mean? Of some names
 * `request.headers` keeps the first and of others it joins both, so it cannot tell.
 */
export function headerValue(rawHeaders: readonly string[], lowerCaseName: string): string {
  let value: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length !== lowerCaseName.length || name.toLowerCase() !== lowerCaseName) continue;
    if (value !== undefined) return '';
    value = rawHeaders[at + 1];
  }
  return value ?? '';
}
