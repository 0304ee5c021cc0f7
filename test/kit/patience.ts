/** How many times as long as usual things may take: in an emulated machine all of them do. */
export const PATIENCE = Number(process.env["WEIR_TEST_PATIENCE"] ?? 1);
