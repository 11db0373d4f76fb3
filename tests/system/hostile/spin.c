/* Burns CPU for ever. */
int main(void) { for (;;) ; }
