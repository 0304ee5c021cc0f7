import { group, type InferFields, oneOf, section, text } from "#schema/index.ts";

export const logFields = {
  format: oneOf(["httplog", "combined", "json", "none"], {
    help: "`httplog` is HAProxy's, `combined` Apache's and nginx's, `json` one object a line; `none` is off",
    fallback: "httplog",
  }),
  target: text({
    help: "`stdout`, `stderr`, or the absolute path of a file, opened again on SIGHUP",
    fallback: "stdout",
    pattern: /^(stdout|stderr|\/.+)$/,
    expected: "stdout, stderr or an absolute path",
    maxLength: 4096,
  }),
};
export type Log = InferFields<typeof logFields>;

export const log = section(logFields, {
  help: "The access log; a bare value is the format",
  short: "format",
});

/**
 * A frontend's own log instead of the common one; what it leaves out is as above, not as in `log`.
 */
export const ownLog = group(logFields, {
  help: "An access log of its own; absent: the one of the top-level `log`",
  short: "format",
});
