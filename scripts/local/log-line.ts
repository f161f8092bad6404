/** A line of a log as its members; none when it is no JSON object: a killed process leaves half a line, and a program prints more than its log. */
export function logLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
