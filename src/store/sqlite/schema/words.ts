export const wordColumns = "";
